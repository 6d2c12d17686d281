"""Prometheus metrics, counted inline. All is touched on the event loop only, so plain numbers need no lock."""

import resource
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .cache import Cache
from .drift import Drift

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PAGE_BYTES = resource.getpagesize()


class Histogram:
    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        result = []
        below = 0
        comma = f"{labels}," if labels else ""
        for bound, count in zip([*self.bounds, "+Inf"], self.counts, strict=True):
            below += count
            result.append(f'{name}_bucket{{{comma}le="{bound}"}} {below}')
        braces = f"{{{labels}}}" if labels else ""
        return [*result, f"{name}_sum{braces} {self.total:.9g}", f"{name}_count{braces} {below}"]


class Metrics:
    def __init__(self) -> None:
        self.started_at = time.time()
        # By method, route and status; by route.
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self.durations: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.in_flight = 0
        self.inference = Histogram(SECONDS)
        self.batch_rows = Histogram(ROWS)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests[method, route, status] += 1
        duration = self.durations[route]
        # As `observe` does; a call costs as much again.
        duration.counts[bisect_left(SECONDS, seconds)] += 1
        duration.total += seconds

    def run(self, seconds: float, rows: int) -> None:
        self.inference.observe(seconds)
        self.batch_rows.observe(rows)

    def render(
        self, *, queued_rows: int, ready: bool, model: dict[str, str], release: dict[str, str],
        cache: Cache | None = None, drift: Drift | None = None,
    ) -> str:  # fmt: skip
        """The text format 0.0.4 of Prometheus."""
        lines = _head("http_requests_total", "counter", "Requests answered.")
        for (method, route, status), count in sorted(self.requests.items()):
            lines.append(f'http_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
        lines += _head("http_request_duration_seconds", "histogram", "Time from request to answer.")
        for route, histogram in sorted(self.durations.items()):
            lines += histogram.lines("http_request_duration_seconds", f'route="{route}"')
        lines += _gauge("http_requests_in_flight", "Requests being answered.", self.in_flight)
        lines += _head("inference_duration_seconds", "histogram", "Time of one run of the model.")
        lines += self.inference.lines("inference_duration_seconds")
        lines += _head("inference_batch_rows", "histogram", "Rows of one run of the model.")
        lines += self.batch_rows.lines("inference_batch_rows")
        lines += _gauge("inference_queue_depth", "Rows that wait for a run.", queued_rows)
        if cache is not None:
            lines += _gauge("response_cache_hits_total", "Inputs answered from the cache.", cache.hits, "counter")
            lines += _gauge("response_cache_misses_total", "Inputs not in the cache.", cache.misses, "counter")
            lines += _gauge("response_cache_entries", "Answers in the cache.", len(cache))
        if drift is not None:
            lines += _head("feature_drift_psi", "gauge", "Population stability index against the training data.")
            lines += [f'feature_drift_psi{{feature="{_escape(name)}"}} {psi}' for name, psi in drift.psi().items()]
            lines += _gauge("feature_drift_rows_total", "Rows counted for it.", drift.rows, "counter")
        lines += _gauge("service_ready", "1 when the service takes requests.", int(ready))
        lines += _info("model_info", "The model that is served.", model)
        lines += _info("release_info", "The release that serves.", release)
        lines += _gauge("process_resident_memory_bytes", "Memory in use.", _resident_bytes())
        lines += _gauge("process_start_time_seconds", "Start, in Unix time.", round(self.started_at, 3))
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _gauge(name: str, text: str, value: float, kind: str = "gauge") -> list[str]:
    return [*_head(name, kind, text), f"{name} {value}"]


def _info(name: str, text: str, labels: dict[str, str]) -> list[str]:
    inner = ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items())
    return [*_head(name, "gauge", text), f"{name}{{{inner}}} 1"] if labels else []


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
