"""
The crash test: in every scenario the engine dies before, midway and after each of its calls to the host, with and
without a reboot; recovery dies in the same way. Afterwards the host must be as if nothing had happened, or as if all
had.
"""

from __future__ import annotations

import pytest

from .crashing import check_all_or_nothing, every_scenario, has_begun, points, recover_cleanly
from .faults import CrashAt
from .scenarios import (
    SCENARIOS,
    Scenario,
    check_idle,
    check_way_back,
    engine,
    fingerprint,
    run_until,
)


@every_scenario
def test_an_uninterrupted_run_leaves_nothing_to_recover(scenario: Scenario) -> None:
    host = scenario.prepare()
    _, result = run_until(host, scenario.act)
    assert result and (result.outcome, result.code) == (("live", 0) if scenario.good else ("failed", 3)), result
    check_all_or_nothing(scenario, True, host)
    check_idle(host)
    check_way_back(host)


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
@every_scenario
def test_a_crash_anywhere_is_finished_or_undone(scenario: Scenario, reboot: bool) -> None:
    seen = set()
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for crash in points(calls):
        host = scenario.prepare()
        assert run_until(host, scenario.act, crash)[1] is None
        assert host.violations == ()
        began = has_begun(scenario, host)
        if reboot:
            host.reboot()
        recover_cleanly(host)
        check_all_or_nothing(scenario, began, host)
        check_idle(host)
        if fingerprint(host) not in seen:
            seen.add(fingerprint(host))
            check_way_back(host)


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
@every_scenario
def test_a_crash_of_the_recovery_is_recovered_too(scenario: Scenario, reboot: bool) -> None:
    calls, seen = run_until(scenario.prepare(), scenario.act)[0].calls, set()
    for crash in points(calls, thorough=False):
        crashed = scenario.prepare()
        run_until(crashed, scenario.act, crash)
        began = has_begun(scenario, crashed)
        if reboot:
            crashed.reboot()
        if fingerprint(crashed) in seen:
            continue
        seen.add(fingerprint(crashed))
        for second in points(recover_cleanly(crashed.copy()).calls, thorough=False):
            host = crashed.copy()
            assert run_until(host, lambda it: it.recover(), second)[1] is None
            if reboot:
                host.reboot()
            recover_cleanly(host)
            check_all_or_nothing(scenario, began, host)
            check_idle(host)


@every_scenario
def test_the_next_command_recovers_first(scenario: Scenario) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    for crash in points(calls, thorough=False):
        host = scenario.prepare()
        run_until(host, scenario.act, crash)
        began = has_begun(scenario, host)
        assert engine(host).prune().code == 0
        check_all_or_nothing(scenario, began, host)


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
@pytest.mark.parametrize("scenario", [it for it in SCENARIOS if it.good], ids=str)
def test_before_the_switch_it_is_undone_and_after_it_finished(scenario: Scenario, reboot: bool) -> None:
    calls = run_until(scenario.prepare(), scenario.act)[0].calls
    begun = calls.index("begin_journal") + 1
    switched = len(calls) - calls[::-1].index("set_map")
    for call, outcome in ((begun, "failed"), (switched, "live"), (calls.index("clear_journal"), "live")):
        host = scenario.prepare()
        run_until(host, scenario.act, CrashAt(call, "after"))
        if reboot:
            host.reboot()
        recover_cleanly(host)
        entry = host.entries()[-1]
        assert entry.outcome == outcome
        assert entry.recovered == (call != calls.index("clear_journal"))
