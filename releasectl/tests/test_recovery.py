"""Records are lost or broken, the edge or the clock goes astray: the truth is found again, or a person is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from releasectl.model.errors import Code
from releasectl.model.model import State

from .crashing import every_scenario, has_begun, points, recover_cleanly
from .faults import WRITES, CrashAt
from .scenarios import (
    SCENARIOS,
    Scenario,
    check_consistent,
    check_healthy,
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
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of

BROKEN = ['{"schema": 1, "live": {"rel', "", "null", '{"schema": 2}', "[]"]


def told(state: State) -> tuple[object, ...]:
    """All but the times: history has the end of the rollout, a little later."""
    live = state.live
    return live and (live.ref, live.slot, live.via), state.previous


def lose(host: SimulatedHost, text: str | None) -> SimulatedHost:
    host.state = text
    return host


@pytest.mark.parametrize("text", [None, *BROKEN])
@pytest.mark.parametrize("versions", [("v1.0.0",), ("v1.0.0", "v2.0.0")])
def test_a_lost_state_is_found_again(versions: tuple[str, ...], text: str | None) -> None:
    host = with_live(*versions, standby=False)
    was = host.state_now()
    result = engine(lose(host, text)).recover()
    assert (result.code, result.outcome) == (0, "recovered")
    state = check_consistent(host)
    assert told(state) == told(was)
    check_idle(host)


@every_scenario
@pytest.mark.parametrize("text", [None, BROKEN[0]], ids=["deleted", "torn"])
def test_a_crash_that_takes_the_state_along_is_recovered(scenario: Scenario, text: str | None) -> None:
    before = scenario.prepare()
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for crash in points(calls, thorough=False):
        host = scenario.prepare()
        run_until(host, scenario.act, crash)
        began = has_begun(scenario, host)
        recover_cleanly(lose(host, text))
        check_consistent(host)
        check_healthy(host)
        entries = host.entries()
        assert entries[: len(before.history)] == before.entries() and len(entries) == len(before.history) + began
        if not began or entries[-1].outcome == "failed":
            assert told(host.state_now()) == told(before.state_now())
        check_idle(host)


def test_an_empty_host_without_state_stays_empty() -> None:
    host = SimulatedHost(config())
    assert engine(host).recover().extra["done"] == ["live map rewritten: none", "HAProxy routes to none"]
    check_idle(host)
    assert host.state is None and check_consistent(host) == State()


def test_after_the_same_release_again_a_lost_state_still_knows_the_way_back() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby=False)
    host.kill("green")
    assert deploy(host, "v2.0.0").outcome == "live"
    was = host.state_now()
    engine(lose(host, None)).recover()
    assert host.state_now().previous == was.previous
    assert was.previous and was.previous.version == "v1.0.0"


def disagree_map(host: SimulatedHost) -> None:
    host.map_file = "blue"


def disagree_link(host: SimulatedHost) -> None:
    host.links["green"] = 1


def no_release(host: SimulatedHost) -> None:
    del host.releases[2]


def nonsense_map(host: SimulatedHost) -> None:
    host.map_file = "purple"


def no_history(host: SimulatedHost) -> None:
    host.history = host.history[:1]


@pytest.mark.parametrize("spoil", [disagree_map, disagree_link, no_release, nonsense_map, no_history])
def test_records_that_disagree_ask_for_a_person_and_nothing_is_touched(spoil: Callable[[SimulatedHost], None]) -> None:
    host = with_live("v1.0.0", "v2.0.0")
    spoil(lose(host, BROKEN[0]))
    for act in (
        lambda it: it.recover(),
        lambda it: it.deploy(request("v2.0.0")),
        lambda it: it.rollback(None, "b", ""),
    ):
        simulation, result = run_until(host, act)
        assert result and (result.outcome, result.code) == ("failed", Code.PERSON)
        assert "recover --live blue|green" in (result.hint or "")
        assert set(simulation.calls) & WRITES == {"sweep"}
    assert host.runtime == "green" and host.serves()


def test_a_person_may_say_what_is_live() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    disagree_map(lose(host, BROKEN[0]))
    result = engine(host).recover("green")
    assert (result.code, result.outcome) == (0, "recovered")
    state = check_consistent(host)
    assert state.live and (state.live.slot, state.live.ref.version) == ("green", "v2.0.0")
    assert state.previous and state.previous.version == "v1.0.0"
    check_idle(host)
    assert rollback(host).outcome == "live"


def test_a_slot_without_a_release_cannot_be_declared_live() -> None:
    host = with_live("v1.0.0")
    result = engine(host).recover("green")
    assert (result.outcome, result.code) == ("failed", Code.PERSON)
    assert check_consistent(host).live


def test_a_declared_slot_sets_an_interrupted_rollout_aside() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0")
    calls = run_until(host.copy(), lambda it: it.deploy(request("v2.0.0")))[0].calls
    run_until(host, lambda it: it.deploy(request("v2.0.0")), CrashAt(calls.index("probe") + 1, "after"))
    assert host.journal is not None
    assert engine(host).recover("blue").code == 0
    assert host.aside == 1
    live = check_consistent(host).live
    assert live and live.slot == "blue"


@every_scenario
def test_an_unreadable_journal_is_set_aside_and_what_state_says_is_made_so(scenario: Scenario) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for crash in points(calls, thorough=False):
        host = scenario.prepare()
        run_until(host, scenario.act, crash)
        if host.journal is None or host.state is None:
            continue
        host.journal = ("{torn", *host.journal)
        state = host.state_now()
        recover_cleanly(host)
        assert host.aside == 1 and host.journal is None
        assert host.violations == ()
        assert host.state_now().live == state.live
        assert (host.map_file or "none") == (host.runtime or "none") == state.routed
        check_healthy(host)


def test_a_map_that_somebody_changed_is_put_right() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.map_file, host.runtime = "none", None
    result = engine(host).recover()
    assert result.extra["done"] == [
        "live map rewritten: green, blue stands by",
        "HAProxy routes to green, blue stands by",
    ]
    assert check_consistent(host).standby
    check_idle(host)


def test_an_edge_that_is_down_is_told_and_the_rest_is_done() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.spend(host.config.standby_s + 1)
    simulation = Simulation(host)
    simulation.down = frozenset({"get_map", "set_map"})
    result = engine_of(simulation).recover()
    assert (result.code, result.changed) == (Code.PREFLIGHT, True)
    assert host.state_now().standby is None and host.links == {"green": 2}
    # Once it answers it is told that there is no standby any more.
    assert engine(host).recover().extra["done"] == ["HAProxy routes to green"]
    check_idle(host)


def test_the_standby_ends_when_its_time_is_over() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.spend(host.config.standby_s - 10)
    check_idle(host)
    host.spend(10)
    result = engine(host).recover()
    assert result.extra["done"][0] == "standby ended"
    state = check_consistent(host)
    assert state.standby is None and state.previous
    check_idle(host)
    check_way_back(host)


def test_strangers_in_a_free_slot_go() -> None:
    host = with_live("v1.0.0")
    host.links["green"] = 1
    host.run_slot("green")
    assert engine(host).recover().code == 0
    check_consistent(host)


def test_scenarios_have_names_of_their_own() -> None:
    assert len({str(it) for it in SCENARIOS}) == len(SCENARIOS)


def on_a_new_host(host: SimulatedHost) -> SimulatedHost:
    """What a restored backup has is left, and nothing else."""
    host.containers, host.units, host.links, host.map_file = {}, {}, {}, None
    host.runtime, host.images, host.mono = "none", frozenset(), 0.0
    return host


@pytest.mark.parametrize("standby", [False, True])
def test_records_without_the_rest_bring_back_what_was_live(standby: bool) -> None:
    host = on_a_new_host(with_live("v1.0.0", "v2.0.0", standby=standby))
    live, entries = host.state_now().live, host.entries()
    assert live and live.ref.version == "v2.0.0"
    assert engine(host).recover().code == Code.GATE, "its image is not here yet"
    host.images = frozenset({live.ref.image})
    host.settle()
    result = rollback(host, str(live.ref.id))
    assert (result.code, result.outcome, result.release) == (0, "unchanged", live.ref)
    check_consistent(host)
    assert host.serves() and host.state_now().standby is None and host.entries() == entries
