"""What requests leave behind: they are counted, logged, and exported as spans when there is a collector.

A request that ends only leaves a tuple. All of them are looked at together, at most FLUSH_AFTER_S later: in a loop, the
processor has the code at hand, and each costs a third of what it would cost by itself. `/metrics` looks at them first.
"""

import asyncio
import time
from datetime import UTC, datetime

import msgspec

from .logs import Log
from .metrics import Metrics
from .tracing import Exporter, parse_traceparent

FLUSH_AFTER_S = 0.05
FLUSH_COUNT = 256
PROBES = frozenset({"/health", "/ready", "/metrics", "/ping", "/v2/health/live", "/v2/health/ready"})


class _Line(msgspec.Struct, gc=False):
    """A request's line in the log; no feature values."""

    time: datetime
    method: str
    route: str
    status: int
    ms: float
    rows: int
    request_id: str
    model_version: str
    trace_id: str | msgspec.UnsetType = msgspec.UNSET
    level: str = "info"
    message: str = "request"


# Method, route, status; when it began and ended on the clock of time.perf_counter; rows, id, the header traceparent.
Ended = tuple[str, str, int, float, float, int, bytes, bytes | None]


class Records:
    """silent: routes whose requests are not logged."""

    def __init__(self, log: Log, metrics: Metrics, silent: frozenset[str] = PROBES) -> None:
        self._log = log
        self._metrics = metrics
        self._silent = silent
        self._ended: list[Ended] = []
        self._timer: asyncio.TimerHandle | None = None
        self.exporter: Exporter | None = None
        self.model_version = ""

    def add(self, ended: Ended) -> None:
        self._ended.append(ended)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self.flush)
        elif len(self._ended) >= FLUSH_COUNT:
            self.flush()

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Between this clock and that of the requests.
        ahead = time.time() - time.perf_counter()
        lines = []
        last_ms, when = 0, datetime.now(UTC)
        for method, route, status, started, ended, rows, request_id, traceparent in self._ended:
            seconds = ended - started
            self._metrics.request(method, route, status, seconds)
            if route in self._silent:
                continue
            # To the millisecond, in which all requests of a batch end.
            if (now_ms := int((ended + ahead) * 1000)) != last_ms:
                last_ms, when = now_ms, datetime.fromtimestamp(now_ms / 1000, UTC)
            ms = int(seconds * 1e6) / 1000
            line = _Line(when, method, route, status, ms, rows, request_id.decode(), self.model_version)
            lines.append(line)
            trace = parse_traceparent(traceparent) if traceparent else None
            if trace is not None:
                line.trace_id = trace.trace_id
            if self.exporter is not None:
                self.exporter.span(route, method, status, seconds, ended + ahead, trace)
        self._ended.clear()
        self._log.write(lines)
