"""HTTP as plain ASGI: what every request passes through, and the prediction endpoint.

Middleware and request objects would cost more than the prediction itself: identity, limits, log line and metrics are done
here, inline, and Starlette (see `app`) routes only what is not in a hurry.
"""

from __future__ import annotations

import re
import time
from itertools import count
from os import urandom

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import ApiError, error_body
from .service import Service

PREDICT_PATHS = {"/predict"}
PROBE_PATHS = {"/health", "/ready", "/metrics"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# What may stand in a log line and a header without escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
_JSON = (b"content-type", b"application/json")


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Front:
    """The ASGI application: answers predictions itself, hands the rest to `other`."""

    def __init__(self, service: Service, other: ASGIApp, routes: set[str]) -> None:
        self._service = service
        self._metrics = service.metrics
        self._log = service.log
        self._other = other
        self._routes = routes
        self._release = (b"x-release", service.settings.service_version.encode())
        self._max_body_bytes = service.settings.max_body_bytes
        self._id_prefix = urandom(6).hex()
        self._ids = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        start = time.perf_counter()
        self._metrics.in_flight += 1
        path: str = scope["path"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID(given):
            request_id = given.decode()
        else:
            request_id = f"{self._id_prefix}-{next(self._ids)}"
        rows = 0
        status = 500
        try:
            if path in PREDICT_PATHS:
                status, rows = await self._predict(scope, receive, send, headers, request_id)
            else:
                status = await self._pass_on(scope, receive, send, request_id)
        except Disconnected:
            # nginx's word for it: there is nobody to answer.
            status = 499
        finally:
            seconds = time.perf_counter() - start
            metrics = self._metrics
            metrics.in_flight -= 1
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            route = path if path in self._routes else "unknown"
            metrics.request(method, route, status, seconds)
            if route not in PROBE_PATHS or self._service.settings.log_probes:
                self._log.request(method, route, status, seconds, rows, request_id, self._service.model_version)

    async def _predict(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], request_id: str
    ) -> tuple[int, int]:
        rows = 0
        extra: list[tuple[bytes, bytes]] = []
        try:
            if scope["method"] != "POST":
                extra.append((b"allow", b"POST"))
                raise ApiError(405, "method_not_allowed", f"{scope['path']} takes POST, not {scope['method']}")
            message = await receive()
            body = message.get("body", b"")
            if message.get("more_body") or len(body) > self._max_body_bytes or message["type"] != "http.request":
                body = await self._read(message, receive, headers)
            answer, rows = await self._service.predict(body)
            status = 200
        except ApiError as error:
            status, answer = error.status, error_body(error, request_id)
            if error.retry_after_s is not None:
                extra.append((b"retry-after", b"%d" % error.retry_after_s))
        except Disconnected:
            raise
        except Exception as error:
            self._log.event("error", "request failed", request_id=request_id, error=f"{type(error).__name__}: {error}")
            status, answer = 500, error_body(ApiError(500, "internal", "The service failed"), request_id)
        response_headers = [
            _JSON,
            (b"content-length", b"%d" % len(answer)),
            self._release,
            (b"x-request-id", request_id.encode()),
        ]
        if self._service.state == "draining" or status == 413:
            # Makes the edge's idle connections go elsewhere; after 413 the rest of the body is not worth reading.
            extra.append((b"connection", b"close"))
        if extra:
            response_headers += extra
        await send({"type": "http.response.start", "status": status, "headers": response_headers})
        await send({"type": "http.response.body", "body": answer})
        return status, rows

    async def _read(self, message: Message, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """Read a body that comes in pieces, and stop as soon as it is over the limit."""
        limit = self._max_body_bytes
        announced = headers.get(b"content-length", b"")
        pieces = []
        size = int(announced) if announced.isdigit() and int(announced) > limit else 0
        while size <= limit:
            if message["type"] == "http.disconnect":
                raise Disconnected
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            if size <= limit and not message.get("more_body"):
                return b"".join(pieces)
            if size <= limit:
                message = await receive()
        raise ApiError(413, "body_too_large", f"The body is over the limit of {limit} bytes")

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        status = 500
        added = [self._release, (b"x-request-id", request_id.encode())]

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [*added, (b"connection", b"close")] if self._service.state == "draining" else added
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        await self._other(scope, receive, send_with_headers)
        return status
