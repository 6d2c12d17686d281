"""The small parts: keys, cache, drift, metrics, logs, trace context."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from inference_service.auth import ApiKeys
from inference_service.cache import Cache
from inference_service.drift import CHUNK_ROWS, Drift
from inference_service.errors import ApiError
from inference_service.logs import Log
from inference_service.metrics import Histogram, Metrics
from inference_service.model import load
from inference_service.records import FLUSH_AFTER_S, FLUSH_COUNT, Records
from inference_service.tracing import Exporter, parse_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def test_both_keys_are_valid_and_no_other() -> None:
    keys = ApiKeys([hashlib.sha256(key).hexdigest() for key in (b"old", b"new")])
    keys.check(b"old")
    keys.check(b"new")
    for key, message in ((b"other", "is not valid"), (b"", "is missing"), (None, "is missing")):
        with pytest.raises(ApiError, match=message) as caught:
            keys.check(key)
        assert caught.value.status == 401


def test_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = Cache(2)
    for name in (b"a", b"b"):
        cache.put(name, ([0], [0.5]))
    assert cache.get(b"a") == ([0], [0.5])
    cache.put(b"c", ([1], [0.5]))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert (len(cache), cache.hits, cache.misses) == (2, 2, 1)


def test_drift_is_small_for_training_like_rows_and_large_for_shifted_ones(model_path: Path) -> None:
    manifest = load(model_path).manifest
    calm, moved = Drift(manifest), Drift(manifest)
    assert calm.psi() == {}
    for number in range(CHUNK_ROWS + 10):
        # One row from the middle of each decile in turn.
        row = []
        for bins in manifest.distribution:
            at = number % len(bins.shares)
            low = bins.edges[max(at - 1, 0)]
            high = bins.edges[min(at, len(bins.edges) - 1)]
            row.append(low - 1 if at == 0 else high + 1 if at == len(bins.edges) else (low + high) / 2)
        calm.add(struct.pack("30f", *row))
        moved.add(struct.pack("30f", *[bins.edges[-1] * 2 + 1 for bins in manifest.distribution]))
    assert calm.rows == CHUNK_ROWS
    assert max(calm.psi().values()) < 0.1
    assert min(moved.psi().values()) > 1
    assert moved.rows == CHUNK_ROWS + 10


def test_histogram_counts_cumulatively() -> None:
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 2, 3):
        histogram.observe(value)
    assert histogram.lines("h") == [
        'h_bucket{le="1"} 2', 'h_bucket{le="2"} 3', 'h_bucket{le="+Inf"} 4', "h_sum 6.5", "h_count 4",
    ]  # fmt: skip


def test_label_values_are_escaped() -> None:
    text = Metrics().render(queued_rows=0, ready=True, model={"name": 'a"b\\c\nd'}, release={"version": "v1"})
    assert 'model_info{name="a\\"b\\\\c\\nd"} 1' in text


async def test_log_writes_in_groups_and_survives_a_closed_reader() -> None:
    read, write = os.pipe()
    log, metrics = Log(write), Metrics()
    records = Records(log, metrics)
    for _ in range(FLUSH_COUNT):
        records.add(("GET", "/x", 200, 0.0, time.perf_counter(), 1, b"id", f"00-{TRACE}-{PARENT}-01".encode()))
    lines = os.read(read, 1 << 20).decode().splitlines()
    assert len(lines) == metrics.requests["GET", "/x", 200] == FLUSH_COUNT
    line = json.loads(lines[0])
    assert line["trace_id"] == TRACE
    assert abs(datetime.fromisoformat(line["time"]).timestamp() - time.time()) < 5
    os.close(read)
    log.event("info", "nobody listens")
    os.close(write)


async def test_log_line_is_written_soon_even_if_none_follows() -> None:
    read, write = os.pipe()
    Records(Log(write), Metrics()).add(("GET", "/x", 200, 0.0, time.perf_counter(), 1, b"id", None))
    await asyncio.sleep(FLUSH_AFTER_S * 4)
    assert json.loads(os.read(read, 1 << 20))["route"] == "/x"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("header", "valid"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"01-{TRACE}-{PARENT}-00-more", True),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        ("nonsense", False),
    ],
)
def test_traceparent_is_read_as_the_standard_says(header: str, valid: bool) -> None:
    trace = parse_traceparent(header.encode())
    assert (trace is not None) == valid
    if trace:
        assert (trace.trace_id, trace.parent_id, trace.sampled) == (TRACE, PARENT, header.endswith("01"))


@pytest.fixture
def collector() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenTelemetry collector that keeps what it is sent."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append({"path": self.path, **json.loads(body)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_reach_the_collector(collector: tuple[str, list[dict[str, Any]]]) -> None:
    endpoint, received = collector
    exporter = Exporter(endpoint, "v1.2.3")
    exporter.span("/predict", "POST", 200, 0.001, time.time(), parse_traceparent(f"00-{TRACE}-{PARENT}-01".encode()))
    exporter.span("/predict", "POST", 500, 0.001, time.time(), None)
    exporter.span("/predict", "POST", 200, 0.001, time.time(), parse_traceparent(f"00-{TRACE}-{PARENT}-00".encode()))
    exporter.close()
    spans = [span for body in received for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]]
    assert {body["path"] for body in received} == {"/v1/traces"}
    assert (spans[0]["traceId"], spans[0]["parentSpanId"], spans[0]["name"]) == (TRACE, PARENT, "POST /predict")
    assert spans[1]["status"] == {"code": 2}
    assert len(spans) == 2
    assert exporter.dropped == 0


def test_spans_are_dropped_and_counted_when_the_collector_is_away() -> None:
    exporter = Exporter("http://127.0.0.1:9", "v1.2.3")
    exporter.span("/predict", "POST", 200, 0.001, time.time(), None)
    exporter.close()
    assert exporter.dropped == 1
