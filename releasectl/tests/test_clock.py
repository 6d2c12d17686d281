"""
The wall clock is set while it runs: by hours, forwards and backwards, at any call of the engine and between two. Only
the monotonic clock counts; what people read is of the clock as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releasectl.commands import history_report, report
from releasectl.commands.engine import Engine, Result
from releasectl.documents.timestamps import parse
from releasectl.startup.fast_dataclass import replace

from .crashing import every_scenario, recover_cleanly
from .faults import CrashAt
from .scenarios import (
    Scenario,
    check_consistent,
    check_idle,
    check_way_back,
    deploy,
    engine,
    publish,
    request,
    rollback,
    run_until,
    with_live,
)
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

T = TypeVar("T")
JUMPS = [-7 * 86400.0, -3 * 3600.0, 3 * 3600.0, 7 * 86400.0]
jumps = pytest.mark.parametrize("jump", JUMPS)


class JumpingClock(Simulation):
    """The clock is set right before a call."""

    def __init__(self, host: SimulatedHost, at: int, jump: float) -> None:
        super().__init__(host)
        self.at, self.jump = at, jump

    def call(self, name: str, act: Callable[[], T], midway: Callable[[], Any] | None = None) -> T:
        if len(self.calls) == self.at:
            self.world.wall += self.jump
        return super().call(name, act, midway)


@every_scenario
def test_a_jump_during_a_rollout_changes_nothing_but_what_people_read(scenario: Scenario) -> None:
    """Same end, same seconds, same calls; and the standby has its time, no less and no more."""
    calm = Simulation(scenario.prepare())
    wanted = scenario.act(engine_of(calm))
    for at in range(len(calm.calls)):
        simulation = JumpingClock(scenario.prepare(), at, JUMPS[at % len(JUMPS)])
        result = scenario.act(engine_of(simulation))
        assert simulation.calls == calm.calls
        assert (result.outcome, result.code, result.cause) == (wanted.outcome, wanted.code, wanted.cause)
        assert result.phases == wanted.phases
        check_standby_time(simulation.world)


def check_standby_time(host: SimulatedHost) -> None:
    """A standby that is there stays for its time by the clock that counts, and then goes."""
    state = check_consistent(host)
    check_idle(host)
    if state.standby is None:
        return
    host.spend(host.config.standby_s - 60)
    check_idle(host)
    host.spend(60)
    assert engine(host).recover().extra["done"][0] == "standby ended"
    assert check_consistent(host).standby is None


@jumps
@pytest.mark.parametrize("spent", [0, 300, 899])
def test_a_jump_in_a_standby_s_time_neither_ends_nor_keeps_it(jump: float, spent: int) -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.spend(spent)
    host.wall += jump
    check_idle(host)
    doc = report.status(Simulation(host).host, None)
    left = host.config.standby_s - spent
    assert parse(doc["standby"]["until"]) == pytest.approx(host.wall + left, abs=1)
    assert doc["rollback"].startswith("ready: v1.0.0 (release 1) is on standby on blue for another ")
    host.spend(left)
    assert engine(host).recover().extra["done"][0] == "standby ended"


@jumps
def test_a_jump_between_rollouts_leaves_the_way_back(jump: float) -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.wall += jump
    assert deploy(publish(host, "v3.0.0"), "v3.0.0").outcome == "live"
    check_way_back(host)
    host.wall -= 2 * jump
    assert rollback(host).outcome == "live"
    assert host.state_now().live.ref.version == "v2.0.0"  # type: ignore[union-attr]
    check_standby_time(host)


def test_a_standby_of_another_boot_does_not_stay_for_ever() -> None:
    """Somebody has started its unit by hand, so nothing but its time ends it; the clock that counts began anew."""
    for uptime in (10.0, 10_000.0):
        host = with_live("v1.0.0")
        host.mono = uptime
        assert deploy(publish(host, "v2.0.0"), "v2.0.0").outcome == "live"
        standby = host.state_now().standby
        assert standby
        host.mono = 5.0
        host.containers = {slot: replace(it, started=0.0) for slot, it in host.containers.items()}
        engine(host).recover()
        host.spend(host.config.standby_s + 10)
        engine(host).recover()
        assert check_consistent(host).standby is None


def test_a_standby_that_an_older_engine_recorded_goes_by_the_wall_clock_and_is_bounded() -> None:
    def older() -> SimulatedHost:
        host = with_live("v1.0.0", "v2.0.0")
        assert host.state
        doc = json.loads(host.state)
        del doc["standby"]["until_monotonic_s"]
        host.state = json.dumps(doc)
        return host

    host = older()
    host.spend(host.config.standby_s - 60)
    check_idle(host)
    host.wall -= 3
    check_idle(host)
    for jump in (86400, -86400):
        host = older()
        host.wall += jump
        assert engine(host).recover().extra["done"][0] == "standby ended"
        assert check_consistent(host).live


@given(order=st.permutations(range(4)))
def test_history_counts_by_its_order_and_not_by_its_times(order: list[int]) -> None:
    """Which one came last, what may be pruned and what is the way back follow the lines."""
    host = with_live("v1.0.0")
    for n, version in zip(order, ("v2.0.0", "v3.0.0", "v4.0.0", "v5.0.0"), strict=True):
        host.wall = 1_800_000_000.0 + n * 86400
        assert deploy(publish(host, version), version).outcome == "live"
    assert [entry.release.version for entry in host.entries()] == [f"v{n}.0.0" for n in range(1, 6)]
    assert {3, 4, 5} == set(host.releases), "the last three are kept"
    lost = host.copy()
    lost.state = None
    engine(lost).recover()
    assert lost.state_now().live.ref.version == "v5.0.0"  # type: ignore[union-attr]
    assert rollback(host).release.version == "v4.0.0"  # type: ignore[union-attr]
    text = history_report.history(Simulation(host).host, 9)["text"].splitlines()
    assert [line.split()[3] for line in text if line[0] != " "] == [
        "v4.0.0",
        "v5.0.0",
        "v4.0.0",
        "v3.0.0",
        "v2.0.0",
        "v1.0.0",
    ]


@jumps
def test_history_tells_seconds_that_passed(jump: float) -> None:
    host = with_live("v1.0.0")
    host.pull_s = 12
    simulation = JumpingClock(publish(host, "v2.0.0"), 30, jump)
    assert engine_of(simulation).deploy(request("v2.0.0")).outcome == "live"
    assert len(simulation.calls) > 30
    took = history_report.history(simulation.host, 1)["text"].split()[6]
    assert 12 <= float(took.rstrip("s")) < 20, took


@jumps
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_jump_while_the_engine_is_dead(jump: float, when: str) -> None:
    """Killed anywhere, then the clock is set, then recovery: all or nothing as ever."""
    host = publish(with_live("v1.0.0"), "v2.0.0")

    def act(engine: Engine) -> Result:
        return engine.deploy(request("v2.0.0"))

    count = len(run_until(host.copy(), act)[0].calls)
    for call in range(1, count + 1, 3):
        killed = host.copy()
        run_until(killed, act, CrashAt(call, when))
        killed.wall += jump
        recover_cleanly(killed)
        check_standby_time(killed)
