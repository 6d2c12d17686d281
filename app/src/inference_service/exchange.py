"""One prediction, from the headers of its request to its answer, whoever carries the bytes.

No task, no future, no event: whoever has the body calls `ask`, and the batch that it becomes part of calls `answer`.
`http` carries it over ASGI, `wire` straight over the connection.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from itertools import count
from os import urandom
from typing import Any

from .auth import ApiKeys
from .codecs import Codec
from .errors import ApiError, Headers, error_body
from .media import JSON, decompressed, too_large
from .model import Outcome
from .service import Service
from .tracing import Exporter, Trace, parse_traceparent

# A path's name in metrics and logs, and how it is spoken to.
Endpoint = tuple[str, Codec]

PROBES = {"/health", "/ready", "/metrics", "/ping", "/v2/health/live", "/v2/health/ready"}
# nginx's word for a client that left before it was answered.
CLIENT_CLOSED_REQUEST = 499
# What may stand in a log line and a header without escaping.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}").fullmatch


class Desk:
    """What all exchanges share: who may ask, how much, and where it is counted and logged."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self.service = service
        self.endpoints: dict[str, Endpoint] = service.endpoints
        self.keys = ApiKeys(settings.api_key_hashes) if settings.api_key_hashes else None
        self.max_body_bytes = settings.max_body_bytes
        self.metrics = service.metrics
        self.log = service.log
        # Set when the application starts (see `app`): it has a thread.
        self.exporter: Exporter | None = None
        self._log_probes = settings.log_probes
        self._id_prefix = urandom(6).hex() + "-"
        self._next_id = count(1).__next__

    def request_id(self, headers: dict[bytes, bytes]) -> str:
        """The edge's, when it gave one that is safe to repeat; else one of our own."""
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID(given):
            return given.decode()
        return f"{self._id_prefix}{self._next_id()}"

    def record(
        self,
        method: str,
        route: str,
        status: int,
        started: float,
        rows: int,
        request_id: str,
        traceparent: bytes | None,
    ) -> None:
        """Count and log a request that has just ended."""
        seconds = time.perf_counter() - started
        self.metrics.in_flight -= 1
        self.metrics.request(method, route, status, seconds)
        if route in PROBES and not self._log_probes:
            return
        trace: Trace | None = parse_traceparent(traceparent) if traceparent else None
        if self.exporter is not None:
            self.exporter.span(route, method, status, seconds, trace)
        trace_id = trace.trace_id if trace else ""
        self.log.request(method, route, status, seconds, rows, request_id, trace_id, self.service.model_version)


class Exchange(ABC):
    """Calls `send` once, unless `leave` comes first. `ended`: it was answered, or its client has gone."""

    __slots__ = ("_codec", "_context", "_desk", "_headers", "_route", "_rows", "_started", "ended", "request_id")

    def __init__(self, desk: Desk, endpoint: Endpoint, headers: dict[bytes, bytes]) -> None:
        self._started = time.perf_counter()
        self._desk = desk
        self._route, self._codec = endpoint
        self._headers = headers
        self._rows = 0
        self._context: Any = None
        self.ended = False
        self.request_id = desk.request_id(headers)
        desk.metrics.in_flight += 1

    @abstractmethod
    def send(self, status: int, body: bytes, headers: Headers, close: bool) -> None:
        """Give the client its answer; close: its connection ends with it."""

    def admitted(self) -> bool:
        """Whether its key is right; else it is refused at once. Asked before the body is read."""
        keys = self._desk.keys
        if keys is not None:
            try:
                keys.check(self._headers.get(b"x-api-key"))
            except ApiError as error:
                self.fail(error)
                return False
        return True

    def ask(self, body: bytes) -> None:
        """Queue what the body asks for; the answer may come before this returns."""
        desk = self._desk
        service = desk.service
        try:
            if len(body) > desk.max_body_bytes:
                raise too_large(desk.max_body_bytes)
            batcher = service.batcher
            assert batcher is not None
            # Before the body is decoded, which is most of the work.
            if batcher.full:
                batcher.refuse()
            encoding = self._headers.get(b"content-encoding")
            if encoding is not None:
                body = decompressed(body, encoding, desk.max_body_bytes)
            buffer, self._rows, self._context = self._codec.decode(body, self._headers)
            if service.cache is None and service.drift is None:
                batcher.submit(buffer, self._rows, self, self._started)
            else:
                service.submit(batcher, buffer, self._rows, self, self._started)
        except Exception as error:
            self.fail(error)

    def answer(self, outcome: Outcome) -> None:
        try:
            body, headers = self._codec.encode(outcome, self._context)
        except Exception as error:
            self.fail(error)
        else:
            self._end(200, body, headers)

    def fail(self, error: Exception) -> None:
        known = error if isinstance(error, ApiError) else ApiError(500, "internal", "The service failed")
        if known.status == 500:
            reason = f"{type(error).__name__}: {error}"
            self._desk.log.event("error", "request failed", request_id=self.request_id, reason=reason)
        self._end(known.status, error_body(known, self.request_id, self._route), JSON + known.headers)

    def leave(self) -> None:
        """The client has gone: what is not answered yet need not be."""
        if not self.ended:
            self.ended = True
            self._rows = 0
            self._record(CLIENT_CLOSED_REQUEST)

    def _end(self, status: int, body: bytes, headers: Headers) -> None:
        self.ended = True
        # The connection keeps this exchange until its next request; what was asked for need not stay as long.
        self._context = None
        # Makes the edge's idle connections go elsewhere; after 413 the rest of the body is not worth reading.
        close = status == 413 or self._desk.service.state == "draining"
        try:
            self.send(status, body, headers, close)
        except Exception as error:
            # Whatever is wrong with this connection: the others of the batch get their answers.
            self._desk.log.event("error", "answer not sent", request_id=self.request_id, reason=repr(error))
        self._record(status)

    def _record(self, status: int) -> None:
        traceparent = self._headers.get(b"traceparent")
        self._desk.record("POST", self._route, status, self._started, self._rows, self.request_id, traceparent)
