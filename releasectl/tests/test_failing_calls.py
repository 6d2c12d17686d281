"""Every call of the engine to the simulation fails once, or from then on: what the result says is what happened."""

from __future__ import annotations

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.model.errors import Code

from .crashing import check_all_or_nothing, every_scenario, has_begun, recover_cleanly
from .faults import DISK, CrashAt, FailAt
from .scenarios import (
    Scenario,
    check_consistent,
    check_idle,
    deploy,
    engine,
    heal,
    publish,
    request,
    run_until,
    with_live,
)
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

DOCKER = frozenset(
    {
        "check_docker",
        "has_image",
        "check_platforms",
        "images",
        "containers",
        "pull_image",
        "remove_image",
        "remove_container",
        "start_unit",
    }
)
HAPROXY = frozenset({"get_map", "set_map", "in_flight", "exchanges", "broken"})
SYSTEMD = frozenset({"units", "start_unit", "stop_unit"})


def check_truth(scenario: Scenario, host: SimulatedHost, result: Result) -> None:
    """`host` is recovered: what became of the transaction is what the caller was told."""
    before, state = scenario.prepare(), host.state_now()
    stuck = "undoing it failed" in (result.cause or "")
    if result.outcome == "live":
        assert (result.code, result.changed) == (0, True)
        assert state.live and state.live.ref == result.release
        assert host.entries()[-1].outcome == "live"
    elif not stuck:
        assert result.code not in (Code.OK, Code.UNEXPECTED), result
        assert not result.changed
        assert state.live == before.state_now().live, result
        assert all(entry.outcome == "failed" for entry in host.entries()[len(before.history) :])


@every_scenario
def test_one_failing_call_never_makes_the_result_lie(scenario: Scenario) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for number, name in enumerate(calls, 1):
        if name == "pause":
            continue
        host = scenario.prepare()
        _, result = run_until(host, scenario.act, fail=FailAt(number))
        assert result and host.violations == (), name
        began = has_begun(scenario, host)
        recover_cleanly(host)
        check_all_or_nothing(scenario, began, host)
        check_truth(scenario, host, result)
        check_idle(host)


@pytest.mark.parametrize("what", [DISK, DOCKER, HAPROXY, SYSTEMD], ids=["disk full", "docker", "haproxy", "systemd"])
@every_scenario
def test_trouble_that_stays_leaves_what_serves_alone(scenario: Scenario, what: frozenset[str]) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for number in (n for n, name in enumerate(calls, 1) if name in what):
        host = scenario.prepare()
        _, result = run_until(host, scenario.act, fail=FailAt(number, what))
        assert result and result.code != Code.UNEXPECTED, result
        began = has_begun(scenario, host)
        during = Simulation(host)
        during.down = what
        assert engine_of(during).recover().code != Code.UNEXPECTED
        assert host.violations == ()
        recover_cleanly(host)
        check_all_or_nothing(scenario, began, host)
        check_truth(scenario, host, result)


@every_scenario
def test_a_signal_undoes_before_the_switch_and_waits_after_it(scenario: Scenario) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for number in range(1, len(calls) + 1):
        host = scenario.prepare()
        simulation = Simulation(host)
        simulation.stop_at = number
        result = scenario.act(engine_of(simulation))
        began = has_begun(scenario, host)
        if result.outcome != "live":
            assert not scenario.good or (result.code, "SIGTERM" in (result.cause or "")) == (Code.GATE, True)
        check_all_or_nothing(scenario, began, host)
        check_truth(scenario, host, result)


def test_an_undo_that_was_begun_is_not_turned_round_by_a_crash() -> None:
    before = publish(with_live("v1.0.0"), "v2.0.0")

    def act(it: Engine) -> Result:
        return it.deploy(request("v2.0.0"))

    record = FailAt(run_until(before.copy(), act)[0].calls.index("save_state") + 1)
    calls = run_until(before.copy(), act, fail=record)[0].calls
    marked = calls.index("append_journal", record.call) + 1
    for number in range(marked, calls.index("append_history") + 1):
        host = before.copy()
        run_until(host, act, CrashAt(number, "after"), record)
        recover_cleanly(host)
        state = check_consistent(host)
        assert state.live == before.state_now().live
        entry = host.entries()[-1]
        assert (entry.outcome, entry.cause) == ("failed", "simulated trouble of save_state")


def test_a_rollback_to_the_standby_needs_neither_docker_nor_the_registry() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    simulation = Simulation(host)
    simulation.down = DOCKER
    result = engine_of(simulation).rollback(None, "bob", "broken")
    assert (result.outcome, result.code) == ("live", 0), result
    assert {"start_unit", "pull_image", "write_release", "stop_unit"} & set(simulation.calls) == set()
    recover_cleanly(host)
    assert check_consistent(host).live


@pytest.mark.parametrize("down", [DOCKER, HAPROXY], ids=["docker", "haproxy"])
def test_preflight_refuses_a_deploy_while_docker_or_the_edge_is_down(down: frozenset[str]) -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0")
    simulation = Simulation(host)
    simulation.down = down
    result = engine_of(simulation).deploy(request("v2.0.0"))
    assert (result.outcome, result.code, result.changed) == ("refused", Code.PREFLIGHT, False)
    assert len(host.history) == 1
    check_idle(host)


def test_a_disk_that_is_nearly_full_is_refused_before_anything_starts() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0")
    host.free_mb = 100
    result = deploy(host, "v2.0.0")
    assert (result.outcome, result.code) == ("refused", Code.PREFLIGHT)
    assert "100 MB" in (result.cause or "") and "min_free_mb" in (result.hint or "")
    assert len(host.history) == 1


def test_the_live_slot_is_started_again_after_a_reboot_and_a_broken_standby_only_costs_itself() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.reboot()
    result = engine(host).recover()
    assert (result.code, result.outcome, result.changed) == (0, "recovered", True)
    state = check_consistent(host)
    assert state.live and state.standby is None and state.previous
    host.reboot()
    heal(host).releases.pop(state.previous.id)
    assert engine(host).recover().code == 0


def test_a_live_release_that_does_not_start_is_told_and_tried_again() -> None:
    host = with_live("v1.0.0")
    host.reboot()
    publish(host, "v1.0.0", starts=False)
    result = engine(host).recover()
    assert (result.outcome, result.code) == ("failed", Code.GATE)
    assert host.runtime == "blue"
    publish(host, "v1.0.0")
    host.units.clear()
    assert engine(host).recover().code == 0
    assert check_consistent(host).live
