"""Prometheus metrics, counted inline. All is touched on the event loop only, so plain numbers need no lock."""

from __future__ import annotations

import resource
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from .cache import Cache
from .drift import Drift

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, /, **labels: str) -> list[str]:
        below = zip([*self.bounds, "+Inf"], accumulate(self.counts), strict=True)
        buckets = [_line(f"{name}_bucket", count, **labels, le=str(bound)) for bound, count in below]
        total = _line(f"{name}_sum", f"{self.total:.9g}", **labels)
        return [*buckets, total, _line(f"{name}_count", sum(self.counts), **labels)]


class Metrics:
    def __init__(self) -> None:
        self.started_at = time.time()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.durations: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.in_flight = 0
        self.inference = Histogram(SECONDS)
        self.batch_rows = Histogram(ROWS)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests[method, route, status] += 1
        self.durations[route].observe(seconds)

    def run(self, seconds: float, rows: int) -> None:
        self.inference.observe(seconds)
        self.batch_rows.observe(rows)

    def render(
        self, queued_rows: int, ready: bool, model: dict[str, str], release: dict[str, str],
        cache: Cache | None = None, drift: Drift | None = None,
    ) -> str:  # fmt: skip
        """The text format 0.0.4 of Prometheus."""
        requests = [
            _line("http_requests_total", number, method=method, route=route, status=str(status))
            for (method, route, status), number in sorted(self.requests.items())
        ]
        durations = [
            line
            for route, histogram in sorted(self.durations.items())
            for line in histogram.lines("http_request_duration_seconds", route=route)
        ]
        runs, rows = self.inference.lines("inference_duration_seconds"), self.batch_rows.lines("inference_batch_rows")
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        parts = [
            ("http_requests_total", "counter", "Requests answered.", requests),
            ("http_request_duration_seconds", "histogram", "Time from request to answer.", durations),
            ("http_requests_in_flight", "gauge", "Requests being answered.", self.in_flight),
            ("inference_duration_seconds", "histogram", "Time of one run of the model.", runs),
            ("inference_batch_rows", "histogram", "Rows of one run of the model.", rows),
            ("inference_queue_depth", "gauge", "Rows that wait for a run.", queued_rows),
            ("service_ready", "gauge", "1 when the service takes requests.", int(ready)),
            ("release_info", "gauge", "The release that serves.", [_line("release_info", 1, **release)]),
            ("process_resident_memory_bytes", "gauge", "Memory in use.", resident),
            ("process_start_time_seconds", "gauge", "Start, in Unix time.", round(self.started_at, 3)),
        ]
        if model:
            parts.append(("model_info", "gauge", "The model that is served.", [_line("model_info", 1, **model)]))
        if cache is not None:
            parts += [
                ("response_cache_hits_total", "counter", "Inputs answered from the cache.", cache.hits),
                ("response_cache_misses_total", "counter", "Inputs not in the cache.", cache.misses),
                ("response_cache_entries", "gauge", "Answers in the cache.", len(cache)),
            ]
        if drift is not None:
            psi = [_line("feature_drift_psi", value, feature=name) for name, value in drift.psi().items()]
            parts += [
                ("feature_drift_psi", "gauge", "Population stability index against the training data.", psi),
                ("feature_drift_rows_total", "counter", "Rows counted for it.", drift.rows),
            ]
        text = []
        for name, kind, about, value in parts:
            lines = value if isinstance(value, list) else [_line(name, value)]
            text += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *lines]
        return "\n".join(text) + "\n"


def _line(name: str, value: object, /, **labels: str) -> str:
    inner = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
