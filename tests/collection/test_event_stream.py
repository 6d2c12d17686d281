"""The lines that ansible-playbook prints while a rollout runs: of this rollout alone, and never an error."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.slipway.ops.plugins.plugin_utils.event_stream import (
    MESSAGE_BYTES,
    ProgressFormatter,
    parse_event,
)

BEGIN = 1_769_832_306.0  # 2026-01-31T04:05:06Z


def event(second: int, phase: str, kind: str, **more: Any) -> dict[str, Any]:
    at = f"2026-01-31T04:05:{second:02}.000Z"
    return {"at": at, "service": "inference", "phase": phase, "event": kind, **more}


def formatter() -> ProgressFormatter:
    return ProgressFormatter("inference", BEGIN)


def test_a_phase_that_took_its_time_is_printed_with_the_total_time() -> None:
    one = formatter()
    assert one.on_event(event(7, "pull", "start")) is None
    assert one.on_event(event(10, "pull", "done", seconds=3.2)) == "pull 3.20 s (4.0 s in all)"


def test_short_phases_are_left_to_the_summary_but_the_switch_is_printed() -> None:
    one = formatter()
    assert one.on_event(event(7, "lock", "done", seconds=0.001)) is None
    assert one.on_event(event(7, "switch", "done", seconds=0.004)) == "switch 0.00 s (1.0 s in all)"


def test_a_failure_is_printed_with_its_cause() -> None:
    line = formatter().on_event(event(9, "gate", "failed", seconds=2.0, cause="it exited with 1"))
    assert line == "gate failed after 2.0 s: it exited with 1"


def test_a_failure_of_another_process_is_not_printed_and_the_phase_continues() -> None:
    one = formatter()
    one.on_event(event(7, "gate", "start"))
    assert one.on_event(event(9, "lock", "failed", seconds=5.0, cause="another change is running")) is None
    assert one.heartbeat(BEGIN + 20) is not None


def test_other_rollouts_services_and_torn_lines_are_not_printed() -> None:
    one = formatter()
    assert one.on_event(event(5, "pull", "done", seconds=9)) is None, "before this one"
    assert one.on_event({**event(9, "pull", "done", seconds=9), "service": "billing"}) is None
    for line in ("", "{", "[]", "null", '{"at": 1}', "tail: file truncated"):
        assert parse_event(line) is None
    assert one.on_event({**event(9, "pull", "done"), "at": 1}) is None


def test_an_event_with_a_long_cause_fits_into_one_message() -> None:
    parsed = parse_event(json.dumps(event(9, "gate", "failed", cause="x" * 100_000, logs=["y" * 5000])))
    assert parsed is not None
    assert len(json.dumps(parsed)) < MESSAGE_BYTES / 2
    assert formatter().on_event(parsed) is not None


def test_a_phase_that_takes_long_gets_a_line_every_few_seconds() -> None:
    one = formatter()
    one.on_event(event(7, "drain", "start"))
    assert one.heartbeat(BEGIN + 5) is None
    assert one.heartbeat(BEGIN + 6.5) == "drain … 6 s, waiting for requests in flight to end"
    assert one.heartbeat(BEGIN + 7) is None
    assert one.heartbeat(BEGIN + 12) is not None
    one.on_event(event(20, "drain", "done", seconds=13))
    assert one.heartbeat(BEGIN + 40) is None


def test_the_steps_of_a_canary_are_printed_and_the_phase_continues() -> None:
    one = formatter()
    one.on_event(event(7, "canary", "start"))
    assert one.on_event(event(7, "canary", "watch", percent=5)) == "canary: 5 % of the requests go to the candidate"
    assert one.on_event(event(9, "canary", "step", percent=5, numbers="5 %: fine")) == "canary at 5 %: fine"
    assert one.heartbeat(BEGIN + 20) == "canary … 19 s, waiting for enough requests to judge the candidate"
