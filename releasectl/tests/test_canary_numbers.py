"""The canary's arithmetic: what the numbers say of a candidate, and the words that ask for one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from releasectl.documents.codec import canary_doc, read_canary
from releasectl.documents.fields import Fields
from releasectl.documents.request import read_request
from releasectl.model.counters import Counters, Span, Tally, between
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Canary
from releasectl.rollout.canary import Verdict, judge, lower_bound

from .scenarios import request

CANARY = Canary((5, 25, 50), step_s=10, min_requests=50)


class TestJudge:
    good = Span(1000, 1, 0, 9, 11)

    def test_few_requests_decide_nothing(self) -> None:
        assert judge(Span(49, 49, 0), self.good, CANARY, True) is None

    def test_before_the_end_only_what_chance_cannot_explain_decides(self) -> None:
        assert judge(Span(60, 2, 0), self.good, CANARY, False) is None
        early = judge(Span(60, 12, 0), self.good, CANARY, False)
        assert early and not early.good

    def test_connection_errors_count(self) -> None:
        verdict = judge(Span(100, 0, 10, 9, 11), self.good, CANARY, True)
        assert verdict == Verdict(False, verdict.why if verdict else "")

    def test_one_error_of_few_requests_is_watched_longer(self) -> None:
        one = Span(60, 1, 0, 9, 11)
        assert judge(one, self.good, CANARY, True) is None
        late = judge(one, self.good, CANARY, True, late=True)
        assert late and not late.good
        more = judge(Span(600, 1, 0, 9, 11), self.good, CANARY, True)
        assert more and more.good

    def test_the_numbers_are_in_the_words(self) -> None:
        verdict = judge(Span(100, 10, 0, 9, 11), self.good, CANARY, True)
        assert verdict and "10.0% of its requests failed, at most 1.1% may" in verdict.why
        assert "100 requests, 10 answered 5xx" in verdict.why

    def test_rounding_is_in_favour_of_the_candidate(self) -> None:
        slow = judge(Span(100, 0, 0, 14, 40), self.good, CANARY, True)
        assert slow and slow.good

    def test_the_lower_bound_is_below_the_share(self) -> None:
        assert 0 < lower_bound(10, 100) < 0.1
        assert lower_bound(0, 100) == lower_bound(0, 0) == 0


class TestCounters:
    def test_means_as_haproxy_was_seen_to_average(self) -> None:
        """Seen on HAProxy 2.6: 276 requests of 30 ms, 304 and 800 of some 91 ms, 304 of some 21 ms."""
        looks = [Counters(276, 0, 0, 32), Counters(580, 0, 0, 63), Counters(1380, 0, 0, 85), Counters(1684, 0, 0, 57)]
        for (a, b), true in zip(pairwise(looks), (91, 91, 21), strict=True):
            span = between(a, b)
            assert span.mean_low_ms - 2 <= true <= span.mean_high_ms + 2, span

    def test_a_restart_of_the_edge_loses_only_what_nobody_saw(self) -> None:
        tally = Tally(Counters(100, 1))
        assert tally.sample(Counters(150, 2)).requests == 50
        span = tally.sample(Counters(10, 1))
        assert (span.requests, span.errors) == (60, 2)
        assert tally.sample(Counters(30, 1)).requests == 80


@pytest.mark.parametrize(
    ("doc", "where"),
    [
        ({}, "canary.steps"),
        ({"steps": [25, 5]}, "canary.steps"),
        ({"steps": [0]}, "canary.steps"),
        ({"steps": [5, 101]}, "canary.steps"),
        ({"steps": [5.5]}, "canary.steps"),
        ({"steps": [5], "step_s": -1}, "canary.step_s"),
        ({"steps": [5], "max_latency_ratio": 0.5}, "canary.max_latency_ratio"),
        ({"steps": [5], "on_interrupt": "pray"}, "canary.on_interrupt"),
        ({"steps": [5], "hold": "yes"}, "canary.hold"),
        ({"steps": [5], "sticky": {"cookie": "sid"}}, "canary.sticky"),
    ],
)
def test_the_wrong_key_is_named(doc: dict[str, Any], where: str) -> None:
    with pytest.raises(Failure) as caught:
        read_request(request("v2.0.0", canary=doc), None)
    assert caught.value.code == Code.USAGE and caught.value.cause.startswith(f"request.{where}:")


def test_strategy_and_canary_have_to_agree() -> None:
    for doc in ({"strategy": "canary"}, {"strategy": "stop_first", "canary": {"steps": [5]}}, {"strategy": "hope"}):
        with pytest.raises(Failure):
            read_request(request("v2.0.0", **doc), None)


def test_the_journal_remembers_it() -> None:
    assert read_canary(Fields(canary_doc(CANARY), "journal")) == CANARY
