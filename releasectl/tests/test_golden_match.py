"""Golden answers: a subset with a tolerance, and the first difference in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releasectl.rollout.gates import log_tail
from releasectl.rollout.golden_match import brief, mismatch

from .strategies import JSON


@given(JSON)
def test_everything_matches_itself(value: Any) -> None:
    assert mismatch(value, value, 0) is None


@given(JSON, JSON, st.floats(0, 1))
def test_two_values_match_or_there_is_a_reason(expect: Any, got: Any, tolerance: float) -> None:
    found = mismatch(expect, got, tolerance)
    assert found is None or found.startswith("answer")


@given(st.dictionaries(st.text(), JSON), st.text(), JSON)
def test_an_answer_may_carry_more_than_is_expected(expect: dict[str, Any], key: str, value: Any) -> None:
    assert mismatch(expect, {key: value, **expect}, 0) is None


@pytest.mark.parametrize(
    ("expect", "got", "tolerance", "says"),
    [
        ({"p": [{"x": 0.99}]}, {"p": [{"x": 0.95, "y": 1}]}, 0.05, None),
        ({"p": [{"x": 0.99}]}, {"p": [{"x": 0.93}]}, 0.05, "answer.p[0].x: expected 0.99 ± 0.05, got 0.93"),
        (1, 1.0, 0, None),
        (1, 2, 0, "answer: expected 1, got 2"),
        (1, True, 1, "answer: expected 1, got true"),
        (True, 1, 1, "answer: expected true, got 1"),
        (0, None, 9, "answer: expected 0, got null"),
        (None, None, 0, None),
        ("a", "b", 9, 'answer: expected "a", got "b"'),
        ([1, 2], [1], 9, "answer: expected a list of 2, got a list of 1"),
        ([1], {"0": 1}, 9, 'answer: expected a list of 1, got {"0": 1}'),
        ({}, [], 0, "answer: expected an object, got []"),
        ({"a": 1}, {}, 0, "answer.a: missing"),
        (0.5, float("nan"), 9, "answer: expected 0.5 ± 9, got NaN"),
        (0.5, float("inf"), 9, "answer: expected 0.5 ± 9, got Infinity"),
    ],
)
def test_the_difference_is_told(expect: Any, got: Any, tolerance: float, says: str | None) -> None:
    assert mismatch(expect, got, tolerance) == says


def test_a_number_beyond_every_float_is_a_mismatch_and_no_accident() -> None:
    found = mismatch(0.5, 10**400, 0.1)
    assert found and found.startswith("answer: expected 0.5 ± 0.1, got 1000")


def test_what_is_told_is_short_and_can_be_written() -> None:
    assert len(brief("x" * 500)) <= 80
    assert brief("\ud800").encode()


def test_the_last_words_tell_once_what_repeats_itself() -> None:
    probes = tuple(f"10:00:{n:02} GET /ready 503" for n in range(60))
    lines = ("loading", *probes, "still waiting", "10:01:01 GET /ready 503")
    assert log_tail(lines) == (
        "loading",
        "10:00:59 GET /ready 503  (and 59 more like it)",
        "still waiting",
        "10:01:01 GET /ready 503",
    )


def test_the_last_words_are_few() -> None:
    assert len(log_tail(tuple("word" * n for n in range(500)))) == 30
