"""The application: `create_app(settings)` gives an ASGI application; nothing is read at import.

It is plain ASGI: middleware and request objects would cost more than a prediction. Identity, limits and key are done
here, inline, log line and metrics later (see `records`), and Starlette answers only what is not in a hurry (`routes`).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from os import urandom

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from .auth import ApiKeys
from .errors import ApiError, Headers, error_body
from .logs import Log
from .media import JSON, combined, decompressed, too_large
from .metrics import Metrics
from .routes import refused, routes
from .service import Service
from .settings import Settings
from .tracing import Exporter

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# nginx's word for a client that left before it was answered.
CLIENT_CLOSED_REQUEST = 499
_CLOSE = (b"connection", b"close")
# What may stand in a log line and a header without escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch


class Deadline:
    """Cancels tasks watched for longer than `limit_s`. One timer for all: `asyncio.timeout` costs ten times as much."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        # The oldest first.
        self.since: dict[asyncio.Task[None], float] = {}
        self._late: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, started: float) -> asyncio.Task[None]:
        """Watch the current task, until it is taken out of `since`."""
        # With the loop: to find it, Python 3.11 asks the kernel for the process's number, each time.
        task: asyncio.Task[None] | None = asyncio.current_task(self._loop)
        assert task is not None
        self.since[task] = started
        if self._timer is None:
            self._loop = task.get_loop()
            self._timer = self._loop.call_later(self.limit_s, self._look)
        return task

    def passed(self, task: asyncio.Task[None]) -> bool:
        """Whether it was cancelled here; then it goes on."""
        late = task in self._late
        self._late.discard(task)
        return late and task.uncancel() == 0

    def _look(self) -> None:
        self._timer = None
        now = time.perf_counter()
        for task, since in self.since.items():
            if now - since < self.limit_s:
                self._timer = task.get_loop().call_later(since + self.limit_s - now, self._look)
                return
            self._late.add(task)
            task.cancel()


class App:
    """The ASGI application: answers predictions itself, and the rest by `routes`."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.settings = settings
        self.service = Service(settings, log, Metrics())
        self._keys = ApiKeys(settings.api_key_hashes) if settings.api_key_hashes else None
        self._max_body = settings.max_body_bytes
        self._deadline = Deadline(settings.deadline_ms / 1000)
        self._release = (b"x-release", settings.service_version.encode())
        self._own_id = map((urandom(6).hex().encode() + b"-%d").__mod__, count(1)).__next__
        handlers = dict.fromkeys((HTTPException, ApiError, Exception), refused)
        self.other = Starlette(routes=routes(self.service), lifespan=self._lifespan, exception_handlers=handlers)
        # A redirect to the path without the slash would be absolute, with the scheme and host of a request that came by
        # way of the edge: http, and whatever its client said.
        self.other.router.redirect_slashes = False

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        if self.settings.otel_exporter_otlp_endpoint:
            exporter = Exporter(self.settings.otel_exporter_otlp_endpoint, self.settings.service_version)
            self.service.records.exporter = exporter
        # Not awaited: the socket must listen, and /health and /ready answer, while the model loads.
        loading = asyncio.create_task(self.service.start())
        yield
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        self.service.close()
        if self.service.records.exporter is not None:
            await asyncio.to_thread(self.service.records.exporter.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a prediction, in one coroutine from its first byte to its last; the rest is passed on."""
        service = self.service
        endpoint = service.endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST":
            await self._pass_on(scope, receive, send)
            return
        started = time.perf_counter()
        service.metrics.in_flight += 1
        route, codec = endpoint
        headers = combined(scope["headers"])
        request_id = self._request_id(headers)
        status, rows = CLIENT_CLOSED_REQUEST, 0
        own: Headers
        try:
            try:
                # Before the body is read.
                if self._keys is not None:
                    self._keys.check(headers.get(b"x-api-key"))
                if b"upgrade" in headers and _offers_upgrade(headers):
                    text = "The request offers another protocol (Upgrade), so its body was not read; send it without"
                    raise ApiError(400, "upgrade_not_supported", text, headers=(_CLOSE,))
                announced = headers.get(b"content-length")
                if announced is not None and announced.isdigit() and int(announced) > self._max_body:
                    raise too_large(self._max_body)
                batcher = service.batcher
                assert batcher is not None
                batcher.admit()
                body: bytes = b""
                task = self._deadline.watch(started)
                try:
                    while True:
                        message = await receive()
                        if message["type"] == "http.disconnect":
                            return
                        body += message.get("body", b"")
                        if len(body) > self._max_body:
                            raise too_large(self._max_body)
                        if not message.get("more_body"):
                            break
                except asyncio.CancelledError:
                    if not self._deadline.passed(task):
                        raise
                    text = f"The body did not arrive within {self._deadline.limit_s:g} s"
                    raise ApiError(408, "body_too_slow", text) from None
                finally:
                    del self._deadline.since[task]
                batcher.admit()
                if b"content-encoding" in headers:
                    body = decompressed(body, headers[b"content-encoding"], self._max_body)
                buffer, rows, context = codec.decode(body, headers)
                if service.notes_inputs:
                    outcome = await service.predict(batcher, buffer, rows, started)
                else:
                    outcome = await batcher.submit(buffer, rows, started)
                answer, own = codec.encode(outcome, context)
                status = 200
            except Exception as error:
                known = error if isinstance(error, ApiError) else ApiError(500, "internal", "The service failed")
                status, own = known.status, JSON + known.headers
                answer = error_body(known, request_id.decode(), route)
                if status == 500:
                    reason = f"{type(error).__name__}: {error}"
                    service.log.event("error", "request failed", request_id=request_id.decode(), reason=reason)
            response = [*own, (b"content-length", b"%d" % len(answer)), self._release, (b"x-request-id", request_id)]
            # Makes the edge's idle connections go elsewhere.
            if service.state == "draining":
                response.append(_CLOSE)
            await send({"type": "http.response.start", "status": status, "headers": response})
            await send({"type": "http.response.body", "body": answer})
        finally:
            service.metrics.in_flight -= 1
            traceparent = headers.get(b"traceparent")
            ended = "POST", route, status, started, time.perf_counter(), rows, request_id, traceparent
            service.records.add(ended)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Starlette answer: what is no prediction, and all while there is no model."""
        if scope["type"] != "http":
            await self.other(scope, receive, send)
            return
        started = time.perf_counter()
        self.service.metrics.in_flight += 1
        status = CLIENT_CLOSED_REQUEST
        headers = combined(scope["headers"])
        request_id = self._request_id(headers)
        added = [self._release, (b"x-request-id", request_id)]
        if self.service.state == "draining" or _offers_upgrade(headers):
            added.append(_CLOSE)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        scope["state"] = {**scope.get("state", {}), "request_id": request_id.decode()}
        try:
            await self.other(scope, receive, send_with_headers)
        finally:
            # Starlette leaves the route that matched in the scope; what matched none has no name of its own, as
            # metrics by path would let anybody make as many as they like.
            route = scope["route"].path if "route" in scope else "unknown"
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self.service.metrics.in_flight -= 1
            traceparent = headers.get(b"traceparent")
            ended = method, route, status, started, time.perf_counter(), 0, request_id, traceparent
            self.service.records.add(ended)

    def _request_id(self, headers: dict[bytes, bytes]) -> bytes:
        """The edge's, when it gave one that is safe to repeat; else one of our own."""
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID(given):
            return given
        return self._own_id()


def _offers_upgrade(headers: dict[bytes, bytes]) -> bool:
    """Whether the request offers another protocol: uvicorn then reads neither its body nor what follows it.

    Such a connection is closed after the answer, as what follows could be taken for a request of its own.
    """
    return b"upgrade" in headers and b"upgrade" in headers.get(b"connection", b"").lower()


def create_app(settings: Settings, log: Log | None = None) -> App:
    """The ASGI application; its service is `.service`. The model loads when the application starts."""
    return App(settings, log or Log())
