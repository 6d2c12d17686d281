"""The bake: what goes wrong right after the switch takes it back; what is interrupted is finished if it is well."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.documents.config import read_config
from releasectl.model.errors import Code, Failure
from releasectl.model.model import FrontDoor
from releasectl.startup.http_client import Reply

from .faults import MIDWAY, WRITES, CrashAt
from .scenarios import check_consistent, check_idle, deploy, publish, request, rollback, run_until, with_live
from .simulated_host import SimulatedHost, config, config_doc
from .simulation import Simulation, engine_of

DOOR = {"name": "inference-1.slipway.test", "ca": None}


def busy(door: dict[str, Any] | None = None, **behaviour: Any) -> SimulatedHost:
    host = with_live("v1.0.0")
    host.config = config(bake_s=10, front_door=door)
    host.rate = 50
    return publish(host, "v2.0.0", **behaviour)


def act(engine: Engine) -> Result:
    return engine.deploy(request("v2.0.0"))


def live(host: SimulatedHost) -> str:
    it = check_consistent(host).live
    assert it
    return it.ref.version


def test_a_good_release_stays() -> None:
    host = busy(DOOR)
    simulation, result = run_until(host, act)
    assert result and result.outcome == "live", result
    assert "bake" in dict(result.phases) and dict(result.phases)["bake"] >= 10
    assert simulation.calls.count("front_door") >= 8
    assert live(host) == "v2.0.0"


def test_errors_flip_it_back_long_before_the_end() -> None:
    host = busy(errors=0.5)
    simulation, result = run_until(host, act)
    assert result and (result.outcome, result.code) == ("failed", Code.GATE)
    assert result.cause and "of the requests failed after the switch, at most 5.0% may" in result.cause, result.cause
    assert dict(result.phases)["bake"] < 5
    assert live(host) == "v1.0.0"
    assert host.entries()[-1].outcome == "failed"
    check_idle(host)
    assert not simulation.held


def test_errors_that_are_usual_here_do_not() -> None:
    host = with_live("v1.0.0")
    publish(host, "v1.0.0", errors=0.2)
    host.config = config(bake_s=10)
    host.rate = 50
    host.spend(60)
    publish(host, "v2.0.0", errors=0.2)
    assert deploy(host, "v2.0.0").outcome == "live"


def test_a_death_flips_it_back() -> None:
    host = busy(DOOR)
    simulation = Simulation(host)
    original = simulation.http.front_door

    def front_door(path: str, timeout_s: float) -> Reply:
        if host.runtime == "green":
            host.kill("green")
        return original(path, timeout_s)

    simulation.http.front_door = front_door  # type: ignore[method-assign]
    result = act(engine_of(simulation))
    assert result.cause and "in the bake" in result.cause
    assert live(host) == "v1.0.0"


class TestFrontDoor:
    def test_another_version_behind_it_flips_back(self) -> None:
        host = busy(DOOR)
        simulation = Simulation(host)
        simulation.door = Reply(200, '{"version": "v1.0.0"}')
        result = act(engine_of(simulation))
        assert result.code == Code.GATE
        assert result.cause and "front door: GET /version must report version v2.0.0" in result.cause, result.cause
        assert live(host) == "v1.0.0"

    def test_one_bad_answer_is_asked_again(self) -> None:
        host = busy(DOOR)
        simulation = Simulation(host)
        original, asked = simulation.http.front_door, []

        def front_door(path: str, timeout_s: float) -> Reply:
            asked.append(path)
            return Reply(0, "no answer") if len(asked) == 4 else original(path, timeout_s)

        simulation.http.front_door = front_door  # type: ignore[method-assign]
        assert act(engine_of(simulation)).outcome == "live"

    def test_what_did_not_answer_before_is_not_judged(self) -> None:
        host = busy(DOOR)
        simulation = Simulation(host)
        simulation.door = Reply(0, "no answer (certificate has expired)")
        result = act(engine_of(simulation))
        assert result.outcome == "live"
        assert any("certificate has expired" in warning for warning in result.warnings)


def test_a_rollback_is_not_baked() -> None:
    host = busy()
    assert deploy(host, "v2.0.0").outcome == "live"
    publish(host, "v1.0.0", errors=1.0)
    result = rollback(host)
    assert result.outcome == "live" and "bake" not in dict(result.phases)


def test_the_first_release_is_not_baked() -> None:
    host = publish(SimulatedHost(config(bake_s=10)), "v1.0.0")
    assert "bake" not in dict(deploy(host, "v1.0.0").phases)


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
def test_an_interrupted_bake_is_finished_as_live_if_it_is_well(reboot: bool) -> None:
    calls = run_until(busy(DOOR), act)[0].calls
    switched = calls.index("set_map")
    for number, name in enumerate(calls[switched + 1 :], switched + 2):
        for when in ("before", "midway", "after") if name in WRITES else ("before",):
            if when == "midway" and name not in MIDWAY:
                continue
            host = busy(DOOR)
            assert run_until(host, act, CrashAt(number, when))[1] is None
            if reboot:
                host.reboot()
            assert engine_of(Simulation(host)).recover().code == 0
            assert live(host) == "v2.0.0", (number, name, when)
            check_idle(host)


@pytest.mark.parametrize("reboot", [False, True], ids=["kill", "reboot"])
def test_a_flip_back_that_is_interrupted_is_flipped_back(reboot: bool) -> None:
    calls = run_until(busy(errors=0.5), act)[0].calls
    verdict = len(calls) - calls[::-1].index("logs")
    for number in range(verdict + 1, len(calls) + 1):
        host = busy(errors=0.5)
        assert run_until(host, act, CrashAt(number, "before"))[1] is None
        undoing = host.journal is None or '"mark": "undo"' in host.journal[-1]
        if reboot:
            host.reboot()
        assert engine_of(Simulation(host)).recover().code == 0
        if undoing:
            assert live(host) == "v1.0.0"
        check_idle(host)


def test_the_line_of_the_switch() -> None:
    host = with_live("v1.0.0")
    host.rate = 1000
    host.busy = 4
    result = deploy(host, "v2.0.0")
    assert result.extra["requests"]["total"] > 0
    assert result.extra["requests"]["failed"] == 0


class TestConfig:
    def test_an_older_service_json_reads(self) -> None:
        it = read_config(config_doc(), "service.json")
        assert (it.bake_s, it.front_door, it.retain_mb, it.strategy) == (0, None, 0, "blue_green")

    def test_the_front_door_is_read(self) -> None:
        it = config(front_door={"name": "a.example", "ca": "/etc/ca.pem"}).front_door
        assert it == FrontDoor("a.example", "/etc/ca.pem")

    @pytest.mark.parametrize(
        ("changed", "where"),
        [
            ({"bake_s": -1}, "bake_s"),
            ({"bake_max_error_ratio": "a lot"}, "bake_max_error_ratio"),
            ({"front_door": {"name": "a b"}}, "front_door.name"),
            ({"front_door": {"name": "a.b", "ca": "x"}}, "front_door.ca"),
            ({"front_door": {"host": "a.b"}}, "front_door.host"),
            ({"strategy": "canary"}, "strategy"),
            ({"retain_mb": -1}, "retain_mb"),
            ({"hook_timeout_s": "1"}, "hook_timeout_s"),
        ],
    )
    def test_the_wrong_key_is_named(self, changed: dict[str, Any], where: str) -> None:
        with pytest.raises(Failure) as caught:
            config(**changed)
        assert caught.value.cause.startswith(f"service.json.{where}:")
