"""What HAProxy has counted of a slot, and what two looks at it say about the time between them."""

from __future__ import annotations

from ..startup.fast_dataclass import dataclass, replace

WINDOW = 512
"""HAProxy's times are moving averages over so many requests (TIME_STATS_SAMPLES in its defaults.h, and measured)."""


@dataclass(frozen=True)
class Counters:
    """A backend's totals since HAProxy started. `mean_ms`: the moving average of the time to the response's headers."""

    requests: int = 0
    errors: int = 0
    """Answers of 500 and more, HAProxy's own (no connection, no answer) among them."""
    connect: int = 0
    """Failed connections and broken responses, those that a retry mended among them."""
    mean_ms: float = 0.0
    failover: int = 0
    """Requests for the slot that the other one answered, because this one was down."""


@dataclass(frozen=True)
class Span:
    """What happened to a slot between two looks. `mean_ms` is an interval: HAProxy rounds its averages."""

    requests: int = 0
    errors: int = 0
    connect: int = 0
    mean_low_ms: float = 0.0
    mean_high_ms: float = float("inf")
    failover: int = 0

    @property
    def failed(self) -> int:
        """What the slot did not answer well itself, whoever did."""
        return max(self.errors, self.connect, self.failover)

    @property
    def error_ratio(self) -> float:
        return min(1.0, self.failed / self.requests) if self.requests else float(self.failed > 0)

    def __str__(self) -> str:
        text = f"{self.requests} requests, {self.errors} answered 5xx, {self.connect} connection errors"
        text += f", {self.failover} answered by the other slot" if self.failover else ""
        return text + (f", mean {self.mean_ms:.0f} ms" if self.timed else "")

    @property
    def timed(self) -> bool:
        return self.requests > 0 and self.mean_high_ms != float("inf")

    @property
    def mean_ms(self) -> float:
        return max(0.0, (self.mean_low_ms + self.mean_high_ms) / 2)


class Tally:
    """Adds up what happens to a slot from a first look on, through restarts of HAProxy, which begin again at zero."""

    def __init__(self, first: Counters) -> None:
        self.first = first
        self.last = first
        self.carried = Span()

    def sample(self, now: Counters) -> Span:
        if now.requests < self.last.requests or now.errors < self.last.errors:
            self.carried = _sum(self.carried, between(self.first, self.last))
            self.first = Counters()
        self.last = now
        return _sum(self.carried, between(self.first, now))


def between(first: Counters, last: Counters) -> Span:
    """`last` is a later look of the same run of HAProxy."""
    requests = last.requests - first.requests
    failover = last.failover - first.failover
    span = Span(requests, last.errors - first.errors, last.connect - first.connect, failover=failover)
    if requests <= 0:
        return span
    # old · keep + mean · (1 − keep) = new; each average is rounded up to a whole millisecond. The first requests of a
    # run of HAProxy make a plain mean, until they fill the window.
    filled, grown = min(first.requests, WINDOW), min(last.requests, WINDOW)
    keep = filled / grown * (1 - 1 / WINDOW) ** (last.requests - max(first.requests, grown))
    low = (last.mean_ms - 1 - first.mean_ms * keep) / (1 - keep)
    high = (last.mean_ms - max(0.0, first.mean_ms - 1) * keep) / (1 - keep)
    return replace(span, mean_low_ms=max(0.0, low), mean_high_ms=max(0.0, high))


def _sum(a: Span, b: Span) -> Span:
    if not a.requests:
        return replace(b, errors=a.errors + b.errors, connect=a.connect + b.connect, failover=a.failover + b.failover)
    share = b.requests / (a.requests + b.requests) if b.requests > 0 else 0.0
    return Span(
        a.requests + b.requests,
        a.errors + b.errors,
        a.connect + b.connect,
        a.mean_low_ms + (b.mean_low_ms - a.mean_low_ms) * share,
        a.mean_high_ms + (b.mean_high_ms - a.mean_high_ms) * share if share else a.mean_high_ms,
        a.failover + b.failover,
    )
