"""HTTP as plain ASGI: what every request passes through, and the prediction endpoints.

Middleware and request objects would cost more than the prediction itself: identity, limits, key, log line and metrics
are done here and in `exchange`, inline, and Starlette (see `routes`) answers only what is not in a hurry.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import ApiError, Headers
from .exchange import CLIENT_CLOSED_REQUEST, Desk, Endpoint, Exchange
from .media import combined, too_large
from .service import Service

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_CLOSE = (b"connection", b"close")

_Answer = tuple[int, bytes, Headers, bool]


class Disconnected(Exception):
    """The client went away before its request was whole."""


class AsgiExchange(Exchange):
    __slots__ = ("answered",)

    def __init__(self, desk: Desk, endpoint: Endpoint, headers: dict[bytes, bytes]) -> None:
        super().__init__(desk, endpoint, headers)
        self.answered: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()

    def send(self, status: int, body: bytes, headers: Headers, close: bool) -> None:
        # A task that was cancelled has not told us yet.
        if not self.answered.done():
            self.answered.set_result((status, body, headers, close))


class Front:
    """The ASGI application: answers predictions itself, hands the rest to `other`."""

    def __init__(self, service: Service, other: ASGIApp) -> None:
        settings = service.settings
        self.service = service
        self.desk = Desk(service)
        self._other = other
        self._release = (b"x-release", settings.service_version.encode())
        self._deadline_s = settings.deadline_ms / 1000

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._other(scope, receive, send)
        endpoint = self.desk.endpoints.get(scope["path"])
        if endpoint is None or scope["method"] != "POST":
            return self._pass_on(scope, receive, send)
        return self._predict(endpoint, scope, receive, send)

    async def _predict(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        headers = combined(scope["headers"])
        exchange = AsgiExchange(self.desk, endpoint, headers)
        try:
            if exchange.admitted():
                try:
                    body = await self._read(receive, headers)
                except ApiError as error:
                    exchange.fail(error)
                else:
                    exchange.ask(body)
            status, answer, own, close = await exchange.answered
            response_headers = [
                *own,
                (b"content-length", b"%d" % len(answer)),
                self._release,
                (b"x-request-id", exchange.request_id.encode()),
            ]
            if close:
                response_headers.append(_CLOSE)
            await send({"type": "http.response.start", "status": status, "headers": response_headers})
            await send({"type": "http.response.body", "body": answer})
        except Disconnected:
            return
        finally:
            exchange.leave()

    async def _read(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        """The body; one that comes in pieces is given up as soon as it is over the limit or takes too long."""
        limit = self.desk.max_body_bytes
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            raise too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(self._deadline_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_large(limit)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            error = ApiError(408, "body_too_slow", f"The body did not arrive within {self._deadline_s:g} s")
            raise error from None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        self.desk.metrics.in_flight += 1
        status = CLIENT_CLOSED_REQUEST
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self.desk.request_id(headers)
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
            self.desk.record(method, route, status, started, 0, request_id, headers.get(b"traceparent"))
