"""W3C trace context, and the export of one span a request to an OpenTelemetry collector (off unless one is named).

The export is OTLP over HTTP in its JSON form (https://opentelemetry.io/docs/specs/otlp/#otlphttp): it needs no library.
Spans are sent in groups from a thread of their own; when the collector is away they are dropped and counted, because
telemetry must never be a reason to fail.
"""

import json
import os
import re
import threading
import urllib.request
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

MAX_WAITING = 4096
GROUP = 256
GROUP_WAIT_S = 1.0
SEND_TIMEOUT_S = 5.0
SPAN_KIND_SERVER = 2
STATUS_UNSET, STATUS_ERROR = 0, 2
# version 00 - trace id - parent span id - flags; the version ff and an id of zeros only are invalid.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
).fullmatch


class Trace(NamedTuple):
    trace_id: str
    parent_id: str
    sampled: bool


def parse_traceparent(header: bytes) -> Trace | None:
    """The caller's trace, or None when the header is not valid: then the standard wants it ignored."""
    found = _TRACEPARENT(header)
    return Trace(found[1].decode(), found[2].decode(), bool(int(found[3], 16) & 1)) if found else None


class Exporter:
    """Sends spans to `endpoint`/v1/traces."""

    def __init__(self, endpoint: str, service_version: str) -> None:
        self._url = endpoint.rstrip("/") + "/v1/traces"
        self._resource = _attributes({"service.name": "inference", "service.version": service_version})
        self._spans: deque[dict[str, object]] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="spans", daemon=True)
        self._thread.start()
        self.dropped = 0

    def span(self, route: str, method: str, status: int, seconds: float, ended: float, trace: Trace | None) -> None:
        """Queue the span of a request that has just ended."""
        if trace is not None and not trace.sampled:
            return
        if len(self._spans) >= MAX_WAITING:
            self.dropped += 1
            return
        end = int(ended * 1e9)
        attributes = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        span = {
            "traceId": trace.trace_id if trace else os.urandom(16).hex(),
            "spanId": os.urandom(8).hex(),
            "parentSpanId": trace.parent_id if trace else "",
            "name": f"{method} {route}",
            "kind": SPAN_KIND_SERVER,
            # The protocol's JSON writes 64-bit numbers as texts.
            "startTimeUnixNano": str(end - int(seconds * 1e9)),
            "endTimeUnixNano": str(end),
            "status": {"code": STATUS_ERROR if status >= 500 else STATUS_UNSET},
            **_attributes(attributes),
        }
        self._spans.append(span)

    def close(self) -> None:
        """Send what is left; waits for at most one send."""
        self._closing.set()
        self._thread.join(SEND_TIMEOUT_S + GROUP_WAIT_S)

    def _work(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(GROUP_WAIT_S)
            while self._spans:
                self._send([self._spans.popleft() for _ in range(min(GROUP, len(self._spans)))])

    def _send(self, spans: list[dict[str, object]]) -> None:
        scope = {"scope": {"name": "inference_service"}, "spans": spans}
        body = json.dumps({"resourceSpans": [{"resource": self._resource, "scopeSpans": [scope]}]}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=SEND_TIMEOUT_S).close()
        except (OSError, ValueError):
            self.dropped += len(spans)


def _attributes(values: Mapping[str, object]) -> dict[str, object]:
    kinds = {str: "stringValue", int: "intValue"}
    return {"attributes": [{"key": key, "value": {kinds[type(value)]: str(value)}} for key, value in values.items()]}
