"""The ASGI application: every request passes through `Application.__call__`.

Request id, key, limits, metrics and log line are handled here: the request, response and middleware objects of a
framework would cost more than the prediction.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from itertools import count
from os import urandom
from typing import Any

from msgspec import UNSET

from .batcher import Pending
from .errors import ApiError, Headers, error_body, too_large
from .logs import Log, RequestLine
from .media import JSON, combined, decompressed
from .metrics import Metrics
from .routes import Routes
from .service import Service
from .settings import Settings
from .tracing import Exporter, parse_traceparent

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PROBES = {"/health", "/ready", "/metrics", "/ping", "/v2/health/live", "/v2/health/ready"}
# nginx's status for a client that disconnects before it is answered.
CLIENT_CLOSED_REQUEST = 499
# Request ids that need no escaping in log lines and headers.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch
_ID_PREFIX = urandom(6).hex()
_next_id = count(1).__next__


class Disconnected(Exception):
    """The client disconnected before it was answered."""


class Request:
    """route: its name in metrics and logs; rows: number of its input rows, once they are decoded."""

    __slots__ = ("headers", "id", "method", "path", "route", "rows", "started")

    def __init__(self, scope: Message) -> None:
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = combined(scope["headers"])
        given = self.headers.get(b"x-request-id")
        self.id = given.decode() if given and _REQUEST_ID(given) else f"{_ID_PREFIX}-{_next_id()}"
        self.route = "unknown"
        self.rows = 0


class Application:
    """Starts nothing by itself: `service.start()` loads the model."""

    def __init__(self, settings: Settings, log: Log | None = None) -> None:
        self.log = log or Log()
        self.metrics = Metrics()
        self.service = Service(settings, self.log, self.metrics)
        # Set by the program that runs the application, because it starts a thread.
        self.exporter: Exporter | None = None
        self._routes = Routes(self.service)
        self._key_hashes = [bytes.fromhex(text) for text in settings.api_key_hashes]
        self._bodies = BodyReader(settings.max_body_bytes, settings.deadline_ms / 1000)
        self._log_probes = settings.log_probes
        self._release = (b"x-release", settings.service_version.encode())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        request = Request(scope)
        self.metrics.in_flight += 1
        recorded = CLIENT_CLOSED_REQUEST
        try:
            status, body, headers = await self._answer(request, receive)
            sent = [
                *headers,
                (b"content-length", b"%d" % len(body)),
                self._release,
                (b"x-request-id", request.id.encode()),
            ]
            # While draining, the edge's idle connections move elsewhere. After a 413 the rest of the body is not read.
            if status == 413 or self.service.state == "draining" or scope.get("http_version") == "1.0":
                sent.append((b"connection", b"close"))
            await send({"type": "http.response.start", "status": status, "headers": sent})
            await send({"type": "http.response.body", "body": body})
            recorded = status
        except Disconnected:
            request.rows = 0
        except OSError as error:
            self.log.event("error", "answer not sent", request_id=request.id, reason=repr(error))
        finally:
            self._record(request, recorded)

    async def _answer(self, request: Request, receive: Receive) -> tuple[int, bytes, Headers]:
        service, headers = self.service, request.headers
        try:
            endpoint = service.endpoints.get(request.path) if request.method == "POST" else None
            if endpoint is None:
                return 200, *self._routes.answer(request)
            request.route, codec = endpoint
            if self._key_hashes:
                self._check_key(headers.get(b"x-api-key", b""))
            body = await self._bodies.read(request, receive)
            # Before the body is decoded, which is most of the work.
            service.check_room()
            if b"content-encoding" in headers:
                body = decompressed(body, headers[b"content-encoding"], self._bodies.limit_bytes)
            buffer, request.rows, context = codec.decode(body, headers)
            pending = service.submit(buffer, request.rows, request.started)
            if service.executor is not None:
                await _finished(pending, receive)
            return 200, *codec.encode(await pending, context)
        except Disconnected:
            raise
        except Exception as error:
            known = error if isinstance(error, ApiError) else ApiError(500, "internal", "The service failed")
            if known.status == 500:
                reason = f"{type(error).__name__}: {error}"
                self.log.event("error", "request failed", request_id=request.id, reason=reason)
            return known.status, error_body(known, request.id, request.path), JSON + known.headers

    def _check_key(self, key: bytes) -> None:
        """Takes the same time for each wrong key. Keys are random and long: a slow hash would protect nothing."""
        digest = hashlib.sha256(key).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._key_hashes]
        if not any(matches):
            message = f"The API key in the header X-Api-Key is {'not valid' if key else 'missing'}"
            raise ApiError(401, "unauthorized", message)

    def _record(self, request: Request, status: int) -> None:
        """Count, trace and log a request that has ended."""
        seconds = time.perf_counter() - request.started
        # Not whatever a client sends: metrics would grow with each new name.
        method = request.method if request.method in METHODS else "OTHER"
        self.metrics.in_flight -= 1
        self.metrics.request(method, request.route, status, seconds)
        if request.route in PROBES and not self._log_probes:
            return
        traceparent = request.headers.get(b"traceparent")
        trace = parse_traceparent(traceparent) if traceparent else None
        if self.exporter is not None:
            self.exporter.span(request.route, method, status, seconds, trace)
        line = RequestLine(
            time=datetime.now(UTC), method=method, route=request.route, status=status, ms=round(seconds * 1000, 3),
            rows=request.rows, request_id=request.id, model_version=self.service.model_version,
            trace_id=trace.trace_id if trace else UNSET,
        )  # fmt: skip
        self.log.request(line)


class BodyReader:
    """Reads bodies within their limits of size and time.

    One timer watches all requests: a timer per request takes a tenth of the time of a prediction.
    """

    def __init__(self, limit_bytes: int, limit_s: float) -> None:
        self.limit_bytes = limit_bytes
        self._limit_s = limit_s
        # When each task that reads has to be done; the oldest first.
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, request: Request, receive: Receive) -> bytes:
        """Raises ApiError 408 or 413, or Disconnected."""
        announced = request.headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > self.limit_bytes:
            raise too_large(self.limit_bytes)
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = request.started + self._limit_s
        if self._timer is None:
            self._cancel_late()
        body = bytearray()
        more = True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                body += message.get("body", b"")
                if len(body) > self.limit_bytes:
                    raise too_large(self.limit_bytes)
                more = message.get("more_body", False)
            return bytes(body)
        except asyncio.CancelledError:
            if task in self._reading:
                raise
            task.uncancel()
            reason = f"The body did not arrive within {self._limit_s:g} s"
            raise ApiError(408, "body_too_slow", reason) from None
        finally:
            self._reading.pop(task, None)

    def _cancel_late(self) -> None:
        """Cancel the reads whose time is over, and come back when the next one's is."""
        self._timer = None
        now = time.perf_counter()
        for task, until in list(self._reading.items()):
            if until > now:
                self._timer = asyncio.get_running_loop().call_later(until - now, self._cancel_late)
                return
            del self._reading[task]
            task.cancel()


async def _finished(pending: Pending, receive: Receive) -> None:
    """Wait for a prediction; raises Disconnected, and cancels it, if the client disconnects first."""
    disconnected = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((pending, disconnected), return_when=asyncio.FIRST_COMPLETED)
    finally:
        disconnected.cancel()
        pending.cancel()
    if pending.cancelled():
        raise Disconnected
