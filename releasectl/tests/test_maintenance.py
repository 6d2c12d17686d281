"""Maintenance: nobody is sent to the service until a person ends it, whatever else happens."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.commands.report import status
from releasectl.model.errors import Code
from releasectl.model.model import IN_MAINTENANCE, NO_SLOT

from .faults import CrashAt, FailAt
from .scenarios import check_consistent, check_idle, deploy, engine, publish, request, rollback, run_until, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of


def begin(host: SimulatedHost) -> SimulatedHost:
    result = engine(host).maintenance(True, "alice", "new disks")
    assert (result.code, result.outcome, result.changed) == (0, "maintenance", True)
    return host


def test_it_begins_and_ends() -> None:
    host = begin(with_live("v1.0.0"))
    assert (host.runtime, host.map_file) == (IN_MAINTENANCE, IN_MAINTENANCE)
    state = check_consistent(host)
    assert state.live and state.maintenance and state.maintenance.reason == "new disks"
    check_idle(host)
    result = engine(host).maintenance(False, "alice", "")
    assert (result.outcome, result.message) == ("live", "maintenance ended, v1.0.0 (release 1) has the traffic again")
    assert host.serves()
    check_idle(host)


def test_said_twice_is_said_once() -> None:
    host = with_live("v1.0.0")
    assert engine(host).maintenance(False, "bob", "").message == "not in maintenance"
    begin(host)
    again = engine(host).maintenance(True, "bob", "something else")
    assert (again.outcome, again.changed) == ("unchanged", False)
    assert "by alice: new disks already" in again.message


def test_status_shows_it() -> None:
    host = begin(with_live("v1.0.0"))
    doc = status(Simulation(host).host, None)
    assert (doc["maintenance"]["by"], doc["maintenance"]["reason"]) == ("alice", "new disks")
    assert "by alice: new disks" in doc["text"]
    assert doc["troubles"] == []
    assert doc["routed"] == IN_MAINTENANCE


@pytest.mark.parametrize("strategy", ["blue_green", "stop_first"])
def test_rollouts_go_on_behind_it(strategy: str) -> None:
    host = begin(with_live("v1.0.0", bake_s=5))
    result = deploy(host, "v2.0.0", False, strategy=strategy)
    assert result.outcome == "live"
    assert any("no traffic until" in warning for warning in result.warnings)
    assert (host.runtime, host.map_file) == (IN_MAINTENANCE, IN_MAINTENANCE)
    check_consistent(host)
    check_idle(host)
    assert engine(host).maintenance(False, "alice", "").release == result.release
    assert host.serves()


def test_a_canary_has_nothing_to_measure() -> None:
    host = publish(begin(with_live("v1.0.0")), "v2.0.0")
    simulation = Simulation(host)
    result = engine_of(simulation).deploy(request("v2.0.0", canary={"steps": [5]}))
    assert result.outcome == "live"
    assert "set_split" not in simulation.calls
    assert host.runtime == IN_MAINTENANCE


@pytest.mark.parametrize("strategy", ["blue_green", "stop_first"])
def test_a_failed_rollout_leaves_it(strategy: str) -> None:
    host = publish(begin(with_live("v1.0.0")), "v2.0.0", ready=False)
    assert deploy(host, "v2.0.0", False, strategy=strategy).outcome == "failed"
    assert (host.runtime, host.map_file) == (IN_MAINTENANCE, IN_MAINTENANCE)
    check_consistent(host)


def test_a_rollback_goes_on_behind_it() -> None:
    host = begin(with_live("v1.0.0", "v2.0.0"))
    assert rollback(host).outcome == "live"
    assert host.runtime == IN_MAINTENANCE
    assert check_consistent(host).maintenance


def test_a_reboot_and_a_restart_of_the_edge_leave_it() -> None:
    host = begin(with_live("v1.0.0"))
    host.reboot()
    assert engine(host).recover().code == 0
    assert host.runtime == IN_MAINTENANCE
    host.restart_edge()
    check_consistent(host)


def test_it_does_not_end_before_the_release_is_ready() -> None:
    host = begin(with_live("v1.0.0"))
    simulation = Simulation(host)
    simulation.down = frozenset({"start_unit"})
    host.kill(host.state_now().live.slot)  # type: ignore[union-attr]
    host.units.clear()
    result = engine_of(simulation).maintenance(False, "alice", "")
    assert (result.code, result.outcome) == (Code.PREFLIGHT, "refused")
    assert "does not answer GET /ready" in str(result.cause)
    assert host.runtime == IN_MAINTENANCE
    assert host.state_now().maintenance


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("when", ["before", "midway", "after"])
def test_a_crash_anywhere_ends_on_one_side(on: bool, when: str) -> None:
    call = 0
    while True:
        call += 1
        host = with_live("v1.0.0") if on else begin(with_live("v1.0.0"))
        _, result = run_until(host, lambda it: it.maintenance(on, "alice", ""), CrashAt(call, when))
        if result is not None:
            break
        assert engine(host).recover().code == 0
        state = check_consistent(host)
        assert state.live
        assert (host.runtime == IN_MAINTENANCE) == bool(state.maintenance)
    assert call > 5


def test_a_failure_anywhere_is_mended_by_recovery() -> None:
    for call in range(1, 30):
        host = with_live("v1.0.0")
        run_until(host, lambda it: it.maintenance(True, "bob", ""), None, FailAt(call))
        engine(host).recover()
        check_consistent(host)


def test_it_can_begin_before_anything_is_live() -> None:
    host = begin(SimulatedHost(config()))
    publish(host, "v1.0.0")
    assert deploy(host, "v1.0.0").outcome == "live"
    assert host.runtime == IN_MAINTENANCE
    assert engine(host).maintenance(False, "alice", "").outcome == "live"
    assert host.serves()


def test_a_record_without_it_reads_as_before() -> None:
    host: Any = with_live("v1.0.0")
    assert "maintenance" not in host.state


def test_only_who_began_it_ends_it_without_force() -> None:
    host = begin(with_live("v1.0.0"))
    refused = engine(host).maintenance(False, "bob", "")
    assert (refused.code, refused.outcome, refused.changed) == (Code.USAGE, "refused", False)
    assert "another operator began this maintenance (since " in str(refused.cause)
    assert " by alice: new disks)" in str(refused.cause)
    assert refused.hint == (
        "Confirm with alice that it can end, then run: sudo releasectl --service inference maintenance off --force"
    )
    assert host.runtime == IN_MAINTENANCE
    assert engine(host).maintenance(False, "bob", "alice is asleep", force=True).outcome == "live"
    assert host.serves()


def test_history_and_events_say_who_and_why() -> None:
    host = with_live("v1.0.0")
    simulation = Simulation(host)
    engine_of(simulation).maintenance(True, "alice", "new disks")
    engine_of(simulation).maintenance(False, "bob", "done", force=True)
    # Nothing changes, nothing is recorded.
    engine_of(simulation).maintenance(False, "bob", "again")
    found = [(it.kind, it.outcome, it.by, it.reason) for it in host.entries()[1:]]
    assert found == [("maintenance", "on", "alice", "new disks"), ("maintenance", "off", "bob", "done")]
    told = [it for it in simulation.events if it["phase"] == "maintenance" and it["event"] in ("on", "off")]
    assert told == [
        {"phase": "maintenance", "event": "on", "by": "alice", "reason": "new disks"},
        {"phase": "maintenance", "event": "off", "by": "bob", "reason": "done"},
    ]
    check_idle(host)


def test_a_maintenance_of_an_older_engine_is_taken_over() -> None:
    """It wrote `none` into the map."""
    host = begin(with_live("v1.0.0"))
    host.map_file = host.runtime = NO_SLOT
    assert engine(host).recover().code == 0
    assert (host.map_file, host.runtime) == (IN_MAINTENANCE, IN_MAINTENANCE)
    check_consistent(host)


@pytest.mark.parametrize("said", [NO_SLOT, IN_MAINTENANCE])
def test_a_lost_record_of_it_is_rebuilt_from_the_map(said: str) -> None:
    host = begin(with_live("v1.0.0"))
    host.state, host.map_file, host.runtime = None, said, said
    assert engine(host).recover().code == 0
    state = check_consistent(host)
    assert state.live and state.maintenance and state.maintenance.by == "recovery"
    # Nobody can be asked.
    assert engine(host).maintenance(False, "bob", "").outcome == "live"


def until_reboot(host: SimulatedHost) -> SimulatedHost:
    assert engine(host).maintenance(True, "alice", "a new kernel", until_reboot=True).code == 0
    return host


def test_the_next_boot_ends_a_maintenance_until_then() -> None:
    host = until_reboot(with_live("v1.0.0"))
    assert engine(host).recover().code == 0
    assert host.runtime == IN_MAINTENANCE, "this boot is not over"
    host.reboot()
    assert engine(host).recover().code == 0
    assert host.state_now().maintenance is None
    host.spend(1)
    assert host.serves()
    check_consistent(host)
    last = host.entries()[-1]
    assert (last.kind, last.outcome, last.by, last.reason) == (
        "maintenance",
        "off",
        "recovery",
        "the host has rebooted",
    )
    check_idle(host)


def test_a_maintenance_until_the_next_boot_waits_for_what_is_in_flight() -> None:
    host = with_live("v1.0.0")
    simulation = Simulation(host)
    engine_of(simulation).maintenance(True, "alice", "", until_reboot=True)
    assert "in_flight" in simulation.calls
    assert simulation.calls.index("set_map") < simulation.calls.index("in_flight")
    assert "until the next boot since" in status(simulation.host, None)["text"]


@pytest.mark.parametrize("when", ["before", "midway", "after"])
def test_a_crash_while_the_boot_ends_a_maintenance_is_repaired(when: str) -> None:
    call = 0
    while True:
        call += 1
        host = until_reboot(with_live("v1.0.0"))
        host.reboot()
        _, result = run_until(host, lambda it: it.recover(), CrashAt(call, when))
        if result is not None:
            break
        assert engine(host).recover().code == 0
        check_consistent(host)
        host.spend(1)
        assert host.serves()
    assert call > 5
