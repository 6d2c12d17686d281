"""What samples say: counts and quantiles, at rest and around switches. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A switch's surroundings, before and after it.
NEAR_S = 0.5


@dataclass(frozen=True)
class Sample:
    at: float  # when it was due (open loop) or sent (closed loop): seconds since the epoch, of this machine's clock
    seconds: float  # from then to the end of the answer
    status: int  # HTTP status; 0 when there was none
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200


@dataclass(frozen=True)
class Summary:
    """Of some requests; the latencies (s) are of those that were answered with 200, nan when there was none."""

    count: int
    failed: int
    p50: float
    p99: float
    max: float


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed (nearest rank); nan of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def summarize(samples: Iterable[Sample]) -> Summary:
    samples = list(samples)
    good = sorted(sample.seconds for sample in samples if sample.ok)
    return Summary(
        count=len(samples),
        failed=len(samples) - len(good),
        p50=quantile(good, 0.5),
        p99=quantile(good, 0.99),
        max=good[-1] if good else math.nan,
    )


def near(samples: Iterable[Sample], moments: Sequence[float], within_s: float = NEAR_S) -> list[Sample]:
    """Those that began within ± `within_s` of one of the moments."""
    ordered = sorted(moments)

    def close(at: float) -> bool:
        place = bisect_left(ordered, at)
        return any(abs(at - moment) <= within_s for moment in ordered[max(0, place - 1) : place + 1])

    return [sample for sample in samples if close(sample.at)]


def between(samples: Iterable[Sample], spans: Sequence[tuple[float, float]]) -> list[Sample]:
    return [sample for sample in samples if any(begin <= sample.at <= end for begin, end in spans)]


def median(values: Sequence[float]) -> float:
    return quantile(sorted(values), 0.5)
