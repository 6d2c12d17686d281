"""HTTP as plain ASGI: what every request passes through, and the prediction endpoints.

Middleware and request objects would cost more than the prediction itself: identity, limits, key, log line and metrics
are done here, inline, and Starlette (see `routes`) answers only what is not in a hurry.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable
from itertools import count
from os import urandom

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .auth import ApiKeys
from .codecs import Codec
from .errors import ApiError, error_body
from .service import Service
from .tracing import Exporter, Trace, parse_traceparent

PROBES = {"/health", "/ready", "/metrics", "/ping", "/v2/health/live", "/v2/health/ready"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# nginx's word for a client that left before it was answered.
CLIENT_CLOSED_REQUEST = 499
# What may stand in a log line and a header without escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
_JSON = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Front:
    """The ASGI application: answers predictions itself, hands the rest to `other`."""

    def __init__(self, service: Service, other: ASGIApp) -> None:
        settings = service.settings
        self.service = service
        self._endpoints = service.endpoints
        self._metrics = service.metrics
        self._log = service.log
        self._other = other
        self._release = (b"x-release", settings.service_version.encode())
        self._max_body_bytes = settings.max_body_bytes
        self._deadline_s = settings.deadline_ms / 1000
        self._log_probes = settings.log_probes
        self._keys = ApiKeys(settings.api_key_hashes) if settings.api_key_hashes else None
        self._id_prefix = urandom(6).hex() + "-"
        self._next_id = count(1).__next__
        # Set when the application starts (see `app`): it has a thread.
        self.exporter: Exporter | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._other(scope, receive, send)
        endpoint = self._endpoints.get(scope["path"])
        if endpoint is None or scope["method"] != "POST":
            return self._pass_on(scope, receive, send)
        return self._predict(endpoint[0], endpoint[1], scope, receive, send)

    async def _predict(self, route: str, codec: Codec, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        service = self.service
        self._metrics.in_flight += 1
        rows, status, retry_after_s = 0, CLIENT_CLOSED_REQUEST, None
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._request_id(headers)
        try:
            try:
                if self._keys is not None:
                    self._keys.check(headers.get(b"x-api-key"))
                message = await receive()
                if message["type"] == "http.request" and not message["more_body"]:
                    body = message["body"]
                    if len(body) > self._max_body_bytes:
                        raise self._too_large()
                else:
                    body = await self._read(message, receive, headers)
                batcher = service.batcher
                assert batcher is not None
                if batcher.full:
                    batcher.refuse()
                buffer, rows, context = codec.decode(body)
                if service.cache is None and service.drift is None:
                    outcome = await batcher.submit(buffer, rows, started)
                else:
                    outcome = await service.outcome(batcher, buffer, rows, started)
                answer = codec.encode(outcome, context)
                status = 200
            except ApiError as error:
                status, answer, retry_after_s = error.status, error_body(error, request_id), error.retry_after_s
            except Disconnected:
                return
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self._log.event("error", "request failed", request_id=request_id, reason=reason)
                status, answer = 500, error_body(ApiError(500, "internal", "The service failed"), request_id)
            response_headers = [
                _JSON,
                (b"content-length", b"%d" % len(answer)),
                self._release,
                (b"x-request-id", request_id.encode()),
            ]
            if retry_after_s is not None:
                response_headers.append((b"retry-after", b"%d" % retry_after_s))
            if status == 413 or service.state == "draining":
                # Makes the edge's idle connections go elsewhere; after 413 the rest of the body is not worth reading.
                response_headers.append(_CLOSE)
            await send({"type": "http.response.start", "status": status, "headers": response_headers})
            await send({"type": "http.response.body", "body": answer})
        finally:
            self._record("POST", route, status, started, rows, request_id, headers.get(b"traceparent"))

    def _request_id(self, headers: dict[bytes, bytes]) -> str:
        """The edge's, when it gave one that is safe to repeat; else one of our own."""
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID(given):
            return given.decode()
        return f"{self._id_prefix}{self._next_id()}"

    def _too_large(self) -> ApiError:
        return ApiError(413, "body_too_large", f"The body is over the limit of {self._max_body_bytes} bytes")

    async def _read(self, message: Message, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """Read a body that comes in pieces; give up as soon as it is over the limit or takes too long."""
        limit = self._max_body_bytes
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._deadline_s):
                while True:
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise self._too_large()
                    if not message.get("more_body"):
                        return bytes(body)
                    message = await receive()
        except TimeoutError:
            error = ApiError(408, "body_too_slow", f"The body did not arrive within {self._deadline_s:g} s")
            raise error from None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        self._metrics.in_flight += 1
        status = CLIENT_CLOSED_REQUEST
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._request_id(headers)
        added = [self._release, (b"x-request-id", request_id.encode())]

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [*added, _CLOSE] if self.service.state == "draining" else added
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        try:
            await self._other(scope, receive, send_with_headers)
        finally:
            # Starlette leaves the route that matched in the scope; what matched none has no name of its own, as
            # metrics by path would let anybody make as many as they like.
            matched = scope.get("route")
            route = matched.path if matched is not None else "unknown"
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self._record(method, route, status, started, 0, request_id, headers.get(b"traceparent"))

    def _record(
        self,
        method: str,
        route: str,
        status: int,
        started: float,
        rows: int,
        request_id: str,
        traceparent: bytes | None,
    ) -> None:
        seconds = time.perf_counter() - started
        self._metrics.in_flight -= 1
        self._metrics.request(method, route, status, seconds)
        if route in PROBES and not self._log_probes:
            return
        trace: Trace | None = parse_traceparent(traceparent) if traceparent else None
        if self.exporter is not None:
            self.exporter.span(route, method, status, seconds, trace)
        trace_id = trace.trace_id if trace else ""
        self._log.request(method, route, status, seconds, rows, request_id, trace_id, self.service.model_version)
