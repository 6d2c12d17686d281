"""
Anything may happen, in any order: deploys of good and bad versions, rollbacks, crashes, reboots, restarts of HAProxy,
time passing, a lost state.json. After each step and its recovery the host is consistent and serves what it should.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from releasectl.commands.engine import Result
from releasectl.model.model import IN_MAINTENANCE, NO_SLOT, Ref

from .faults import CrashAt, FailAt
from .scenarios import WRONG, check_consistent, check_healthy, check_idle, check_way_back, publish, request, run_until
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of

BEHAVIOURS: list[dict[str, Any]] = [
    {}, {}, {}, {"ready": False}, {"answer": WRONG}, {"starts": False}, {"dies_at": "set_map"},
]  # fmt: skip
CRASHES = st.builds(CrashAt, st.integers(1, 90), st.sampled_from(["before", "midway", "after"]))
MAYBE = st.none() | CRASHES


class Rollouts(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.host = SimulatedHost(config(standby_s=300))
        self.made = 0
        self.live: Ref | None = None
        self.told: tuple[str, ...] = ()
        self.recover()

    def run(self, act: Any, crash: CrashAt | None = None, fail: FailAt | None = None) -> Result | None:
        before = self.live
        result = run_until(self.host, act, crash, fail)[1]
        if result is None or fail:
            self.recover()
            entries = self.host.entries()
            mine = entries[len(self.told) :]
            assert len(mine) <= 1
            self.live = mine[0].release if mine and mine[0].outcome == "live" else before
        elif result.outcome == "live":
            self.live = result.release
        return result

    def recover(self) -> None:
        result = engine_of(Simulation(self.host)).recover()
        assert result.code == 0, result

    def deploy_it(self, crash: CrashAt | None, behaviour: dict[str, Any], fail: FailAt | None = None) -> None:
        self.made += 1
        version = f"v{self.made}.0.0"
        publish(self.host, version, **behaviour)
        result = self.run(lambda it: it.deploy(request(version)), crash, fail)
        if not crash and not fail:
            assert result and (result.outcome == "live") == (not behaviour), result

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def deploy(self, behaviour: dict[str, Any]) -> None:
        self.deploy_it(None, behaviour)

    @rule(crash=CRASHES, behaviour=st.sampled_from(BEHAVIOURS))
    def deploy_and_crash(self, crash: CrashAt, behaviour: dict[str, Any]) -> None:
        self.deploy_it(crash, behaviour)

    @rule(call=st.integers(1, 90))
    def deploy_and_fail(self, call: int) -> None:
        self.deploy_it(None, {}, FailAt(call))

    @precondition(lambda self: self.host.releases)
    @rule(data=st.data(), crash=st.none() | CRASHES)
    def roll_back(self, data: st.DataObject, crash: CrashAt | None) -> None:
        to = data.draw(st.sampled_from([None, *map(str, sorted(self.host.releases))]))
        self.run(lambda it: it.rollback(to, "bob", "why not"), crash)

    @precondition(lambda self: self.live)
    @rule()
    def deploy_what_is_live(self) -> None:
        assert self.live
        version = self.live.version
        # A container that is only starting is not ready, and would be replaced.
        self.host.spend(1)
        result = self.run(lambda it: it.deploy(request(version)))
        assert result and result.outcome == "unchanged"

    @rule(again=st.booleans(), crash=CRASHES)
    def reboot(self, again: bool, crash: CrashAt) -> None:
        self.host.reboot()
        if again:
            run_until(self.host, lambda it: it.recover(), crash)
            self.host.reboot()
        self.recover()

    @rule()
    def restart_the_edge(self) -> None:
        self.host.restart_edge()
        self.recover()

    @rule(seconds=st.sampled_from([1, 100, 1000]), clock=st.sampled_from([0, -5000, 5000]))
    def wait(self, seconds: int, clock: int) -> None:
        self.host.spend(seconds)
        self.host.wall += clock
        self.recover()

    @rule(what=st.sampled_from(["nothing", "deploy", "reboot", "lost state"]), crashes=st.tuples(MAYBE, MAYBE))
    def maintain(self, what: str, crashes: tuple[CrashAt | None, CrashAt | None]) -> None:
        host = self.host
        run_until(host, lambda it: it.maintenance(True, "bob", "why not"), crashes[0])
        self.recover()
        if host.in_maintenance():
            if what == "deploy":
                self.deploy_it(None, {})
            elif what == "reboot":
                host.reboot()
            elif what == "lost state":
                host.state = None
            self.recover()
            check_consistent(host)
            assert host.runtime in (IN_MAINTENANCE, NO_SLOT, None), "the traffic came back by itself"
        host.spend(1)
        run_until(host, lambda it: it.maintenance(False, "bob", ""), crashes[1])
        host.spend(1)
        result = self.run(lambda it: it.maintenance(False, "bob", ""))
        assert result and result.code == 0, result

    @rule()
    def prune(self) -> None:
        assert self.run(lambda it: it.prune()).code == 0  # type: ignore[union-attr]

    @rule(text=st.sampled_from([None, "", "{"]), crash=st.none() | CRASHES)
    def lose_the_state(self, text: str | None, crash: CrashAt | None) -> None:
        self.host.state = text
        if crash:
            run_until(self.host, lambda it: it.recover(), crash)
        self.recover()

    @rule()
    def look_for_a_way_back(self) -> None:
        check_way_back(self.host)

    @invariant()
    def all_is_well(self) -> None:
        host = self.host
        host.txns += 1
        state = check_consistent(host)
        assert (state.live and state.live.ref) == self.live
        check_healthy(host)
        check_idle(host)
        assert host.history[: len(self.told)] == self.told, "history lost or changed a line"
        self.told = host.history


Rollouts.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
TestRollouts = Rollouts.TestCase
