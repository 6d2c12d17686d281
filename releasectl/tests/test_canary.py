"""The canary: the numbers decide, people may, and a crash anywhere ends with all the traffic in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.commands.status_text import canary_line
from releasectl.documents.timestamps import parse
from releasectl.model.counters import Counters
from releasectl.model.errors import Code, Interrupted
from releasectl.model.journal import Mark
from releasectl.model.model import Split
from releasectl.rollout.ports import CanaryCommand
from releasectl.startup.fast_dataclass import replace

from .faults import MIDWAY, WRITES, Crash, CrashAt
from .scenarios import check_consistent, check_idle, publish, request, rollback, run_until, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of
from .traffic import WHOLE

STEPS = {"steps": [5, 25, 50], "step_s": 10, "min_requests": 50, "wait_s": 20}


def busy(rate: float = 200, **behaviour: Any) -> SimulatedHost:
    """v1.0.0 is live under load, and v2.0.0 behaves like this."""
    host = with_live("v1.0.0")
    host.rate = rate
    return publish(host, "v2.0.0", **behaviour)


def canary(
    host: SimulatedHost, says: dict[int, CanaryCommand] | None = None, /, **changed: Any
) -> tuple[Simulation, Result]:
    simulation = Simulation(host)
    simulation.commands = dict(says or {})
    return simulation, engine_of(simulation).deploy(request("v2.0.0", canary={**STEPS, **changed}))


def settled(host: SimulatedHost) -> str:
    assert (host.map_split, host.runtime_split) == (WHOLE, WHOLE), "some canary still has a share"
    live = check_consistent(host).live
    assert live
    return live.ref.version


def hiccup(host: SimulatedHost) -> Simulation:
    """Shortly before the first step's end some requests to the candidate take very long."""
    simulation = Simulation(host)
    original = simulation.canary_mailbox.take_command

    def take_command(txn: str) -> CanaryCommand | None:
        command = original(txn)
        if simulation.command_checks == 19:
            counters = host.hits["green"]
            host.hits["green"] = replace(counters, mean_ms=counters.mean_ms + 30)
        return command

    simulation.canary_mailbox.take_command = take_command  # type: ignore[method-assign]
    return simulation


class TestByTheNumbers:
    def test_a_good_candidate_ends_with_all_the_traffic_unattended(self) -> None:
        host = busy()
        simulation, result = canary(host)
        assert (result.outcome, result.code) == ("live", 0), result
        assert settled(host) == "v2.0.0"
        assert [note.partition(" ")[0] for note in result.extra["canary"]] == ["5", "25", "50"]
        assert simulation.statuses[-1] is None
        check_idle(host)

    def test_a_candidate_with_3_percent_errors_is_aborted_at_the_first_step(self) -> None:
        host = busy(errors=0.03)
        before = host.hits.get("blue", Counters()).requests
        _, result = canary(host, step_s=30)
        assert (result.outcome, result.code) == ("failed", Code.GATE)
        assert result.cause and "canary at 5 %" in result.cause and "failed" in result.cause, result.cause
        assert settled(host) == "v1.0.0"
        seen, others = host.hits["green"].requests, host.hits["blue"].requests - before
        assert seen <= 0.055 * (seen + others)

    def test_a_candidate_that_is_3_times_slower_is_aborted(self) -> None:
        host = busy(ms=90.0)
        _, result = canary(host, step_s=30)
        assert result.code == Code.GATE
        assert result.cause and "as slow, at most 1.5 ×" in result.cause, result.cause
        assert settled(host) == "v1.0.0"

    def test_one_hiccup_of_the_machine_aborts_nobody(self) -> None:
        host = busy()
        simulation = hiccup(host)
        result = engine_of(simulation).deploy(request("v2.0.0", canary={**STEPS, "steps": [50]}))
        assert result.outcome == "live", result
        assert simulation.command_checks > 35, "it was watched for another step"

    def test_errors_that_the_live_release_has_too_are_no_reason(self) -> None:
        host = with_live("v1.0.0")
        publish(host, "v1.0.0", errors=0.05)
        host.rate = 200
        publish(host, "v2.0.0", errors=0.05)
        assert canary(host)[1].outcome == "live"

    def test_a_candidate_that_dies_is_aborted_at_once(self) -> None:
        host = busy(dies_at="set_split")
        simulation = Simulation(host)
        original = simulation.routing.set_split

        def set_split(split: Split, timeout_s: float) -> None:
            original(split, timeout_s)
            host.kill("green")

        simulation.routing.set_split = set_split  # type: ignore[method-assign]
        result = engine_of(simulation).deploy(request("v2.0.0", canary=STEPS))
        assert result.cause and "ended in the canary at 5 %" in result.cause
        assert settled(host) == "v1.0.0"

    def test_too_little_traffic_is_no_evidence(self) -> None:
        host = busy(rate=1)
        _, result = canary(host)
        assert result.code == Code.GATE
        assert result.cause and "too little traffic to judge at 5 %" in result.cause
        assert settled(host) == "v1.0.0"

    def test_too_little_traffic_promotes_when_asked(self) -> None:
        host = busy(rate=1)
        _, result = canary(host, on_silence="promote")
        assert (result.outcome, settled(host)) == ("live", "v2.0.0")
        assert "too little traffic" in result.extra["canary"][0]

    def test_the_first_release_has_nothing_to_be_compared_with(self) -> None:
        host = publish(SimulatedHost(), "v2.0.0")
        _, result = canary(host)
        assert result.outcome == "live"
        assert any("no other release is live" in warning for warning in result.warnings)

    def test_a_restart_of_the_edge_keeps_the_split_and_the_tally(self) -> None:
        host = busy()
        simulation = Simulation(host)
        original = simulation.canary_mailbox.take_command

        def restarting(txn: str) -> CanaryCommand | None:
            if simulation.command_checks == 5:
                host.restart_edge()
                assert host.runtime_split == ("green", 5)
            return original(txn)

        simulation.canary_mailbox.take_command = restarting  # type: ignore[method-assign]
        assert engine_of(simulation).deploy(request("v2.0.0", canary=STEPS)).outcome == "live"
        assert settled(host) == "v2.0.0"

    def test_an_edge_that_does_not_answer_decides_nothing(self) -> None:
        host = busy()
        simulation = Simulation(host)
        simulation.down = frozenset({"counters"})
        result = engine_of(simulation).deploy(request("v2.0.0", canary=STEPS))
        assert result.cause and "too little traffic" in result.cause
        assert "simulated trouble of counters" in result.cause, "why it saw none"
        assert settled(host) == "v1.0.0"


class TestByPeople:
    def test_promote_skips_what_is_left(self) -> None:
        host = busy()
        simulation, result = canary(host, {3: CanaryCommand("promote", "alice")})
        assert result.outcome == "live"
        assert result.extra["canary"][0].startswith("5 %: promoted by alice")
        assert simulation.calls.count("set_split") == 1
        assert settled(host) == "v2.0.0"

    def test_abort(self) -> None:
        host = busy()
        _, result = canary(host, {3: CanaryCommand("abort", "alice")})
        assert (result.code, settled(host)) == (Code.GATE, "v1.0.0")
        assert result.cause and result.cause.startswith("canary aborted: by alice")

    def test_hold_stays_until_somebody_ends_it(self) -> None:
        host = busy()
        started = host.mono
        _, result = canary(host, {3: CanaryCommand("hold", "alice"), 400: CanaryCommand("promote", "bob")})
        assert result.outcome == "live"
        assert host.mono - started > 100

    def test_an_a_b_split_holds_at_its_last_step(self) -> None:
        host = busy()
        simulation, _ = canary(host, {900: CanaryCommand("abort", "alice")}, steps=[20], hold=True)
        assert simulation.command_checks == 900
        assert settled(host) == "v1.0.0"

    def test_a_hold_tells_since_when_by_whom_and_what_ends_it(self) -> None:
        host = busy()
        simulation, _ = canary(host, {30: CanaryCommand("hold", "alice"), 900: CanaryCommand("abort", "bob")})
        held = [it for it in simulation.statuses if it and it["state"] == "hold"]
        assert {it["since"] for it in held} == {held[0]["since"]}
        line = canary_line("inference", dict(held[-1]), parse(held[0]["since"]) + 7200)
        assert " %, hold by alice for 2h; candidate: " in line
        assert line.endswith("; end it by `sudo releasectl --service inference canary promote` or `abort`")
        older = {key: value for key, value in held[-1].items() if key not in ("since", "by")}
        assert " %, hold for " in canary_line("inference", older, 0)

    def test_how_slow_a_held_split_may_be_is_for_the_person_to_say(self) -> None:
        host = busy(ms=90.0)
        simulation, result = canary(host, {300: CanaryCommand("promote", "alice")}, steps=[20], hold=True)
        assert (result.outcome, simulation.command_checks) == ("live", 300)

    def test_a_held_split_is_still_aborted_by_errors(self) -> None:
        host = busy(errors=0.2)
        _, result = canary(host, steps=[20], hold=True)
        assert result.cause and "canary at 20 % aborted" in result.cause


def deploying(on_interrupt: str) -> Callable[[Engine], Result]:
    return lambda it: it.deploy(request("v2.0.0", canary={**STEPS, "on_interrupt": on_interrupt}))


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
@pytest.mark.parametrize("on_interrupt", ["abort", "resume"])
def test_a_crash_anywhere_aborts_or_resumes_as_configured(on_interrupt: str, reboot: bool) -> None:
    calls = run_until(busy(), deploying(on_interrupt))[0].calls
    for number, name in enumerate(calls, 1):
        for when in ("before", "midway", "after") if name in WRITES else ("before",):
            if when == "midway" and name not in MIDWAY:
                continue
            host = busy()
            assert run_until(host, deploying(on_interrupt), CrashAt(number, when))[1] is None
            assert host.violations == ()
            reached = host.journal is not None and '"phase": "canary"' in "".join(host.journal)
            if reboot:
                host.reboot()
            simulation = Simulation(host)
            recovered = engine_of(simulation).recover()
            assert recovered.code == 0, recovered
            version = settled(host)
            done = [it.release.version for it in host.entries() if it.outcome == "live"][-1]
            assert version == done
            if reached and on_interrupt == "resume":
                assert version == "v2.0.0", (number, name, when, recovered)
            check_idle(host)


@pytest.mark.parametrize(
    ("goes_down", "on_interrupt", "version"),
    [(True, "resume", "v2.0.0"), (False, "resume", "v1.0.0"), (True, "abort", "v1.0.0")],
)
def test_a_signal_aborts_it_but_for_that_of_a_reboot(goes_down: bool, on_interrupt: str, version: str) -> None:
    host = busy()
    host.hooks = frozenset({"on-failure"})
    simulation = Simulation(host)
    simulation.stop_at = run_until(busy(), deploying(on_interrupt))[0].calls.index("set_split") + 20
    host.goes_down = goes_down
    if goes_down and on_interrupt == "resume":
        with pytest.raises(Interrupted):
            deploying(on_interrupt)(engine_of(simulation))
        assert simulation.hooked == [] and host.runtime_split != WHOLE
    else:
        assert deploying(on_interrupt)(engine_of(simulation)).code == Code.GATE
        assert host.journal is None
    host.goes_down = False
    host.reboot()
    assert engine_of(Simulation(host)).recover().code == 0
    assert settled(host) == version


@pytest.mark.parametrize(("word", "percents"), [("hold", [5]), ("promote", [])])
def test_what_a_person_said_holds_for_the_engine_that_goes_on(word: str, percents: list[int]) -> None:
    """Killed a while after the word was heard: a hold stays where it is until somebody ends it."""
    host = busy()
    simulation = Simulation(host)
    simulation.commands = {3: CanaryCommand(word, "alice")}
    original = simulation.records.append_journal

    def dying(mark: Mark) -> None:
        original(mark)
        if mark.mark == word:
            simulation.dead = True

    simulation.records.append_journal = dying  # type: ignore[method-assign]
    with pytest.raises(Crash):
        engine_of(simulation).deploy(request("v2.0.0", canary={**STEPS, "on_interrupt": "resume"}))
    host.locked = False
    after = Simulation(host)
    after.commands = {400: CanaryCommand("promote", "bob")}
    assert engine_of(after).recover().code == 0
    assert [it["percent"] for it in after.events if it["event"] == "watch"] == percents
    assert after.command_checks == (400 if percents else 0)
    assert settled(host) == "v2.0.0"


def test_a_crash_of_the_recovery_is_recovered_too() -> None:
    calls = run_until(busy(), deploying("resume"))[0].calls
    splits = [number for number, name in enumerate(calls, 1) if name in ("write_split", "set_split", "write_map")]
    for number in splits:
        crashed = busy()
        run_until(crashed, deploying("resume"), CrashAt(number, "after"))
        again = run_until(crashed.copy(), lambda it: it.recover())[0].calls
        for second, name in enumerate(again, 1):
            if name not in WRITES:
                continue
            host = crashed.copy()
            run_until(host, lambda it: it.recover(), CrashAt(second, "after"))
            assert engine_of(Simulation(host)).recover().code == 0
            settled(host)
            check_idle(host)


def test_another_command_aborts_what_was_interrupted() -> None:
    calls = run_until(busy(), deploying("resume"))[0].calls
    host = busy()
    run_until(host, deploying("resume"), CrashAt(calls.index("set_split") + 1, "after"))
    assert host.runtime_split == ("green", 5)
    result = engine_of(Simulation(host)).prune()
    assert result.code == 0
    assert settled(host) == "v1.0.0"
    assert rollback(host).code == Code.UNKNOWN


def test_a_share_that_nobody_knows_of_is_taken_back() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.map_split = host.runtime_split = ("blue", 10)
    assert engine_of(Simulation(host)).recover().outcome == "recovered"
    assert settled(host) == "v2.0.0"
