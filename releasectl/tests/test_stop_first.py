"""stop_first: one release at a time; whatever goes wrong on the way, the old one comes back by itself."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.model.errors import Code
from releasectl.model.inflight import InFlight

from .faults import MIDWAY, WRITES, Crash, CrashAt
from .scenarios import check_consistent as consistent
from .scenarios import check_idle, check_way_back, publish, request, with_live
from .simulated_host import SLOTS, SimulatedHost, config
from .simulation import Simulation, engine_of

WAS_DOWN = "took the traffic from a healthy slot"


class OneAtATime(Simulation):
    """There is room for one."""

    def __init__(self, host: SimulatedHost, crash: CrashAt | None = None) -> None:
        super().__init__(host, crash)
        original = self.units.start

        def start(slot: str, timeout_s: float) -> None:
            others = [name for name in SLOTS if name != slot and host.units.get(name) == "active"]
            if host.config.strategy == "stop_first":
                assert not others, f"{others} still run when {slot} starts"
            original(slot, timeout_s)

        self.units.start = start  # type: ignore[method-assign]


def check_consistent(host: SimulatedHost) -> Any:
    """That it takes the traffic away is the point of it, once nobody is sent to a slot that is not ready."""
    assert all(WAS_DOWN in violation for violation in host.violations), host.violations
    host.violations = ()
    return consistent(host)


def alone(*versions: str, **behaviour: Any) -> SimulatedHost:
    host = with_live(*(versions or ("v1.0.0",)), standby_s=0)
    host.config = config(standby_s=900, strategy="stop_first")
    return publish(host, "v2.0.0", **behaviour)


def act(engine: Engine) -> Result:
    return engine.deploy(request("v2.0.0"))


def run(host: SimulatedHost, crash: CrashAt | None = None) -> tuple[OneAtATime, Result | None]:
    simulation = OneAtATime(host, crash)
    try:
        return simulation, act(engine_of(simulation))
    except Crash:
        host.locked = False
        return simulation, None


def test_the_new_one_is_live_and_nothing_stands_by() -> None:
    host = alone()
    simulation, result = run(host)
    assert result and result.outcome == "live", result
    assert [name for name, _ in result.phases] == [
        "lock", "recover", "preflight", "pull", "stop", "start", "gate", "switch", "drain", "record", "standby",
    ]  # fmt: skip
    assert simulation.calls.index("pull_image") < simulation.calls.index("stop_unit"), (
        "the pull comes before the maintenance page"
    )
    state = check_consistent(host)
    assert state.live.ref.version == "v2.0.0" and state.standby is None and state.previous.version == "v1.0.0"
    check_idle(host)


@pytest.mark.parametrize("behaviour", [{"starts": False}, {"ready": False}, {"answer": '{"no": 1}'}], ids=str)
def test_a_failed_start_brings_the_old_one_back(behaviour: dict[str, Any]) -> None:
    host = alone(**behaviour)
    _, result = run(host)
    assert result and (result.outcome, result.code) == ("failed", Code.GATE), result
    assert check_consistent(host).live.ref.version == "v1.0.0"
    host.spend(1)
    assert host.serves()
    check_idle(host)


def test_an_old_one_that_was_not_ready_gets_the_traffic_back_all_the_same() -> None:
    host = alone(ready=False)
    publish(host, "v1.0.0", ready=False)
    _, result = run(host)
    assert result and result.code == Code.GATE
    assert any("readiness of the old release" in warning for warning in result.warnings)
    assert host.runtime == "blue"


def test_a_rollback_stops_first_too() -> None:
    host = alone()
    run(host)
    simulation = OneAtATime(host)
    result = engine_of(simulation).rollback(None, "bob", "it was wrong")
    assert result.outcome == "live" and "stop" in dict(result.phases)
    assert check_consistent(host).live.ref.version == "v1.0.0"


def test_the_request_may_ask_for_it() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0")
    result = engine_of(Simulation(host)).deploy(request("v2.0.0", strategy="stop_first"))
    assert result.outcome == "live" and "stop" in dict(result.phases)
    assert check_consistent(host).standby is None


def test_what_is_cut_is_told() -> None:
    host = alone()
    host.long = {"blue": InFlight(1, 2, 3)}
    result = act(engine_of(OneAtATime(host)))
    counts = {"requests": 1, "streams": 2, "websockets": 3}
    assert result.extra["drain"] == {"left": {"blue": counts}, "cut": counts}
    assert "dropped: 1 request, 2 streams, 3 websockets, when blue was stopped" in result.warnings


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
def test_a_crash_anywhere_is_finished_or_undone(good: bool, reboot: bool) -> None:
    behaviour = {} if good else {"answer": '{"no": 1}'}
    calls = run(alone(**behaviour))[0].calls
    for number, name in enumerate(calls, 1):
        for when in ("before", "midway", "after") if name in WRITES else ("before",):
            if when == "midway" and name not in MIDWAY:
                continue
            host = alone(**behaviour)
            assert run(host, CrashAt(number, when))[1] is None
            if reboot:
                host.reboot()
            simulation = OneAtATime(host)
            assert engine_of(simulation).recover().code == 0
            state = check_consistent(host)
            assert state.live.ref.version == ("v1.0.0" if not good else host.entries()[-1].release.version
                                              if host.entries()[-1].outcome == "live" else "v1.0.0")  # fmt: skip
            later = host.copy()
            later.spend(1)
            assert later.serves()
            check_idle(host)


def test_the_way_back_is_there() -> None:
    host = alone()
    run(host)
    host.violations = ()
    host.config = config(standby_s=0)
    check_way_back(host)
