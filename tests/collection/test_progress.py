"""What ansible-playbook tells while a rollout runs: only of this rollout, only what is worth it, never an error."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.plugin_utils import progress

BEGIN = 1_769_832_306.0  # 2026-01-31T04:05:06Z


def event(second: int, phase: str, what: str, **more: Any) -> bytes:
    at = f"2026-01-31T04:05:{second:02}.000Z"
    return json.dumps({"at": at, "service": "inference", "phase": phase, "event": what, **more}).encode()


def teller() -> progress.Teller:
    return progress.Teller("inference", BEGIN)


def test_a_phase_that_took_its_time_is_told_with_the_time_in_all() -> None:
    one = teller()
    assert one.hear(event(7, "pull", "start")) is None
    assert one.hear(event(10, "pull", "done", seconds=3.2)) == "pull 3.20 s (4.0 s in all)"


def test_short_phases_are_left_to_the_report_but_the_switch_is_told() -> None:
    one = teller()
    assert one.hear(event(7, "lock", "done", seconds=0.001)) is None
    assert one.hear(event(7, "switch", "done", seconds=0.004)) == "switch 0.00 s (1.0 s in all)"


def test_a_failure_is_told_with_its_cause() -> None:
    told = teller().hear(event(9, "gate", "failed", seconds=2.0, cause="it exited with 1"))
    assert told == "gate failed after 2.0 s: it exited with 1"


def test_other_rollouts_services_and_torn_lines_are_not_told() -> None:
    one = teller()
    assert one.hear(event(5, "pull", "done", seconds=9)) is None, "before this one"
    assert one.hear(event(9, "pull", "done", seconds=9).replace(b"inference", b"billing")) is None
    for line in (b"", b"{", b"[]", b"null", b'{"at": 1}', b"tail: file truncated"):
        assert one.hear(line) is None


def test_a_phase_that_lasts_says_what_it_waits_for_now_and_then() -> None:
    one = teller()
    one.hear(event(7, "drain", "start"))
    assert one.wait(BEGIN + 5) is None
    assert one.wait(BEGIN + 6.5) == "drain … 6 s, waits for requests in flight to end"
    assert one.wait(BEGIN + 7) is None
    assert one.wait(BEGIN + 12) is not None
    one.hear(event(20, "drain", "done", seconds=13))
    assert one.wait(BEGIN + 40) is None


def local() -> Any:
    return SimpleNamespace(transport="local", become=None)


def test_events_are_told_while_they_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(event(1, "pull", "done", seconds=9) + b"\n")
    monkeypatch.setattr(progress, "COMMAND", progress.COMMAND.replace(progress.EVENTS, str(log)))
    said: list[str] = []
    with progress.follow(local(), "inference", said.append):
        time.sleep(0.5)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime())
        with log.open("ab") as file:
            file.write(event(1, "pull", "done", seconds=1.5).replace(b"2026-01-31T04:05:01.000Z", now.encode()) + b"\n")
        end = time.monotonic() + 5
        while not said and time.monotonic() < end:
            time.sleep(0.02)
    assert len(said) == 1
    assert said[0].startswith("pull 1.50 s")


def test_what_ends_at_once_is_not_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "COMMAND", f"touch {tmp_path}/listened")
    monkeypatch.setattr(progress, "PATIENCE_S", 0.2)
    for seconds, listened in ((0.05, []), (0.5, ["listened"])):
        with progress.follow(local(), "inference", pytest.fail):
            time.sleep(seconds)
        time.sleep(0.3)
        assert [it.name for it in tmp_path.iterdir()] == listened


@pytest.mark.parametrize(
    "connection",
    [
        SimpleNamespace(transport="aws_ssm", become=None),
        SimpleNamespace(),
        SimpleNamespace(transport="ssh", become=None, get_option=lambda name: "", control_path=None),
    ],
    ids=["another kind", "nothing known", "no socket"],
)
def test_what_it_cannot_follow_it_leaves_alone(connection: Any) -> None:
    begin = time.monotonic()
    with progress.follow(connection, "inference", pytest.fail):
        pass
    assert time.monotonic() - begin < 0.05


def test_a_listener_that_fails_and_an_error_of_the_task_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "COMMAND", "echo no number; sleep 60")
    with pytest.raises(KeyError), progress.follow(local(), "inference", pytest.fail):
        time.sleep(0.1)
        raise KeyError("of the task")


def test_the_steps_of_a_canary_are_told_and_the_phase_goes_on() -> None:
    one = teller()
    one.hear(event(7, "canary", "start"))
    assert one.hear(event(7, "canary", "watch", percent=5)) == "canary: 5 % of the requests go to the candidate"
    assert one.hear(event(9, "canary", "step", percent=5, numbers="5 %: fine")) == "canary at 5 %: fine"
    assert one.wait(BEGIN + 20) == "canary … 19 s, waits for enough requests to judge the candidate by"
