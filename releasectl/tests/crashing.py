"""Where the crash tests crash, and what they check afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from releasectl.model.journal import Entry

from .faults import MIDWAY, WRITES, CrashAt
from .scenarios import SCENARIOS, Scenario, check_consistent, check_healthy
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=str)


def points(calls: list[str], thorough: bool = True) -> Iterator[CrashAt]:
    """Where to crash. Not thorough: where the host differs from what it was at the point before."""
    for number, name in enumerate(calls, 1):
        if thorough:
            yield CrashAt(number, "before")
        if name in MIDWAY:
            yield CrashAt(number, "midway")
        if name in WRITES:
            yield CrashAt(number, "after")


def recover_cleanly(host: SimulatedHost) -> Simulation:
    simulation = Simulation(host)
    result = engine_of(simulation).recover()
    assert result.code == 0, result
    assert not simulation.held, "a signal would not be heard any more"
    return simulation


def check_all_or_nothing(scenario: Scenario, began: bool, host: SimulatedHost) -> None:
    """`began`: the transaction was in the journal or in history when the engine died."""
    before = scenario.prepare()
    state, entries = check_consistent(host), host.entries()
    check_healthy(host)
    known = len(before.entries())
    assert entries[:known] == before.entries(), "history was rewritten"
    assert len(entries) == known + began
    if began and entries[-1].outcome == "live":
        check_done(scenario, before, host, entries[-1])
        return
    was = before.state_now()
    assert (state.live, state.previous) == (was.live, was.previous)
    assert host.releases == before.releases


def check_done(scenario: Scenario, before: SimulatedHost, host: SimulatedHost, entry: Entry) -> None:
    state, was = host.state_now(), before.state_now()
    assert scenario.good, "a bad candidate was made live"
    assert state.live and state.live.ref == entry.release
    assert entry.release.version == scenario.target
    assert state.live.via == entry.kind
    again = was.live is not None and was.live.ref.version == scenario.target
    assert state.previous == entry.previous == (was.previous if again else was.live and was.live.ref)
    assert set(host.releases) == set(before.releases) | {entry.release.id}


def has_begun(scenario: Scenario, host: SimulatedHost) -> bool:
    return host.journal is not None or len(host.history) > len(scenario.prepare().history)
