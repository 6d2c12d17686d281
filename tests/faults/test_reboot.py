"""The host loses its power, in every phase of a rollout and in none: it serves again without a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.canaries import QUICK
from tests.harness.load.predictions import predictions


@pytest.fixture(autouse=True)
def no_timer_afterwards() -> Iterator[None]:
    yield
    host.shell(f"{host.STOP_RECOVERY}; systemctl stop {host.METRICS}")


@contextmanager
def traffic(how: dict[str, Any]) -> Iterator[None]:
    """A canary gets to its second step by requests."""
    if "canary" not in how:
        yield
        return
    with predictions(**host.LOAD):
        yield


def lose_power() -> float:
    """Seconds until the service answered again. Recovery runs at boot; nobody asks for it here."""
    lab.good(lab.run("docker", "restart", "--time", "0", lab.CONTAINER))
    begin = time.monotonic()
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back", within_s=90)
    seconds = time.monotonic() - begin
    lab.wait_until(lambda: not host.unexpected_troubles(host.releasectl("status").doc), "record and host agree")
    lab.wait_until(lambda: host.releasectl("status").doc["changing"] is None, "recovery has ended")
    return seconds


# Hardly anybody is answered while it boots, so what is resumed goes on without evidence. The other slot may answer the
# first request of a candidate, until HAProxy has checked it: whether that is too many is not the question here.
RESUMED = {**QUICK, "wait_s": 0, "on_silence": "promote", "on_interrupt": "resume", "max_error_ratio": 1}


@pytest.mark.parametrize(
    ("place", "wins", "how"),
    [
        ("pull", False, {}), ("start/StartUnit", False, {}), ("gate/AwaitPath", False, {}),
        ("canary/JudgeStep#2", False, {"canary": QUICK}), ("canary/JudgeStep#2", True, {"canary": RESUMED}),
        ("start/StartUnit", False, {"strategy": "stop_first"}), ("switch/WriteMap", None, {}),
        ("drain/Drain", True, {}), ("record/AppendHistory", True, {}), ("standby", True, {}),
    ],
)  # fmt: skip
def test_power_lost_in(place: str, wins: bool | None, how: dict[str, Any]) -> None:
    before, entries = host.live(), len(host.look()["history"])
    wanted = host.other(before)
    with traffic(how), host.held(place, host.request(wanted, **how), "deploy"):
        seconds = lose_power()
    host.well(entries + 1)
    assert host.live() in ((wanted if wins else before,) if wins is not None else (before, wanted))
    host.good(host.releasectl("rollback", "--to", host.other(host.live())))
    host.well()
    print(f"back {seconds:.1f} s after the boot")


def test_power_lost_when_nothing_runs() -> None:
    before, entries = host.live(), len(host.look()["history"])
    lose_power()
    host.well(entries)
    assert host.live() == before
