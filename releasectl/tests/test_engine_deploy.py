"""What deploy and rollback do and say on a host where nothing crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.model.errors import Code

from .faults import WRITES
from .scenarios import (
    GOLDEN,
    WRONG,
    check_consistent,
    check_idle,
    deploy,
    engine,
    image,
    publish,
    request,
    rollback,
    with_live,
)
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of


def live_version(host: SimulatedHost) -> str | None:
    live = check_consistent(host).live
    return live.ref.version if live else None


def test_the_first_deploy_makes_the_version_live() -> None:
    host = SimulatedHost(config())
    result = deploy(host, "v1.0.0")
    assert (result.outcome, result.code, result.changed, result.previous) == ("live", 0, True, None)
    assert result.release and result.release.version == "v1.0.0"
    assert result.message == "v1.0.0 (release 1) is live on blue"
    assert result.extra["rollback"] == "not possible: no release was live before"
    assert live_version(host) == "v1.0.0"
    check_idle(host)


def test_the_second_deploy_keeps_the_first_as_standby() -> None:
    host = with_live("v1.0.0")
    result = deploy(host, "v2.0.0")
    assert result.message == "v2.0.0 (release 2) is live on green, was v1.0.0 (release 1)"
    assert result.previous and result.previous.version == "v1.0.0"
    assert result.extra["rollback"] == "ready: v1.0.0 (release 1) is on standby on blue for another 14m"
    state = check_consistent(host)
    assert state.live and state.live.ref.version == "v2.0.0"
    assert state.standby and state.standby.ref.version == "v1.0.0"


def test_the_standby_has_its_full_time_however_long_the_pull_took() -> None:
    host = with_live("v1.0.0")
    host.pull_s = 500
    switched = host.wall + 500
    assert deploy(host, "v2.0.0").outcome == "live"
    state = check_consistent(host)
    assert state.live and state.live.since >= switched
    assert state.standby and state.standby.until >= switched + host.config.standby_s


def test_a_result_is_one_json_document_with_the_keys_of_the_contract() -> None:
    host = with_live("v1.0.0")
    doc = json.loads(json.dumps(deploy(host, "v2.0.0").document()))
    keys = "outcome code changed service release previous phases message cause hint logs diff"
    assert set(keys.split()) <= set(doc)
    assert doc["release"]["digest"] == image("v2.0.0").partition("@")[2]
    assert [it["name"] for it in doc["phases"]] == [
        "lock", "recover", "preflight", "pull", "start", "gate", "switch", "drain", "record", "standby",
    ]  # fmt: skip
    assert all(it["seconds"] >= 0 for it in doc["phases"])
    assert (doc["diff"]["before"]["version"], doc["diff"]["after"]["version"]) == ("v1.0.0", "v2.0.0")


BROKEN: list[tuple[str, dict[str, Any], int, str]] = [
    ("exits at once", {"starts": False}, Code.GATE, "exited with code 1"),
    (
        "is never alive",
        {"live": False},
        Code.GATE,
        "liveness: waited 0.5 s for GET /health to answer 200; last: 503 ok",
    ),
    ("is never ready", {"ready": False}, Code.GATE, "readiness: waited 0.5 s for GET /ready"),
    (
        "says that it never will be",
        {"ready": False, "health": '{"error": {"code": "failed", "message": "no"}}'},
        Code.GATE,
        "readiness: the candidate reported a permanent failure: GET /ready returned 503 "
        '{"error": {"code": "failed", "message": "no"}}',
    ),
    ("dies in the gate", {"dies_at": "probe"}, Code.GATE, "ended while waiting for liveness: exited with code 137"),
    ("is another version", {"version": "v2.9.9"}, Code.GATE, 'must report version v3.0.0; it returned "v2.9.9"'),
    ("answers wrong", {"answer": WRONG}, Code.GATE, 'expected "benign", got "malignant"'),
    ("answers no JSON", {"answer": "<html>"}, Code.GATE, "expected JSON, got 200 <html>"),
    ("answers 500", {"status": 500}, Code.GATE, "expected status 200, got 500"),
    ("dies at the switch", {"dies_at": "set_map"}, Code.GATE, "ended at the switch: exited with code 137"),
]


@pytest.mark.parametrize(("behaviour", "code", "cause"), [it[1:] for it in BROKEN], ids=[it[0] for it in BROKEN])
@pytest.mark.parametrize("before", [(), ("v1.0.0",), ("v1.0.0", "v2.0.0")], ids=["first", "second", "displacing"])
def test_a_broken_version_fails_its_gate_and_the_old_one_serves(
    behaviour: dict[str, Any], code: int, cause: str, before: tuple[str, ...]
) -> None:
    says = ("starting", "boom")
    host = publish(with_live(*before), "v3.0.0", says=says, **behaviour)
    host.busy = 3
    result = deploy(host, "v3.0.0")
    assert (result.outcome, result.code, result.changed) == ("failed", code, False), result
    assert cause in (result.cause or "") and result.message == f"Failed to deploy v3.0.0: {result.cause}"
    assert result.logs == says
    assert live_version(host) == (before[-1] if before else None)
    assert set(host.releases) == set(range(1, len(before) + 1))
    entry = host.entries()[-1]
    assert (entry.outcome, entry.release.version, entry.cause, entry.logs) == ("failed", "v3.0.0", result.cause, says)
    check_idle(host)


def test_a_version_that_dies_while_the_old_one_drains_gives_the_traffic_back() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", dies_at="in_flight")
    host.busy = 3
    result = deploy(host, "v2.0.0")
    assert (result.outcome, result.code, result.changed) == ("failed", Code.GATE, False)
    assert "ended right after the switch: exited with code 137" in (result.cause or "")
    assert live_version(host) == "v1.0.0"


def test_requests_that_outlast_the_drain_are_told() -> None:
    host = with_live("v1.0.0")
    host.busy = 10**6
    result = deploy(host, "v2.0.0")
    assert result.outcome == "live"
    assert result.warnings == ["drain: 1000 requests still in flight to blue; they continue until the standby expires"]
    assert result.extra["drain"]["cut"] == {"requests": 0, "streams": 0, "websockets": 0}


def test_five_failed_deploys_do_not_lose_the_last_good_release() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    for number in range(3, 8):
        publish(host, f"v{number}.0.0", answer=WRONG)
        assert deploy(host, f"v{number}.0.0").code == Code.GATE
    assert [entry.release.id for entry in host.entries()] == [1, 2, 3, 4, 5, 6, 7]
    assert rollback(host).outcome == "live"
    assert live_version(host) == "v1.0.0"


def test_an_image_that_the_registry_does_not_have_is_code_5() -> None:
    host = with_live("v1.0.0")
    result = engine(host).deploy(request("v2.0.0"))
    assert (result.outcome, result.code, result.changed) == ("failed", Code.IMAGE, False)
    assert live_version(host) == "v1.0.0"


def test_deploying_what_is_live_changes_nothing() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    simulation = Simulation(host)
    result = engine_of(simulation).deploy(request("v2.0.0"))
    assert (result.outcome, result.code, result.changed) == ("unchanged", 0, False)
    assert set(simulation.calls) & WRITES == {"sweep"}
    assert len(host.history) == 2


def test_the_live_version_with_another_setting_is_a_new_release() -> None:
    host = with_live("v1.0.0")
    result = deploy(host, "v1.0.0", env={"LOG_LEVEL": "debug"})
    assert (result.outcome, result.release and result.release.id) == ("live", 2)
    assert result.diff and result.diff["after"]["values_changed"] == ["LOG_LEVEL"]
    assert live_version(host) == "v1.0.0"


def test_deploying_the_standby_is_only_a_switch() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    simulation = Simulation(host)
    result = engine_of(simulation).deploy(request("v1.0.0"))
    assert (result.outcome, result.release and result.release.id) == ("live", 1)
    assert {"start_unit", "stop_unit", "pull_image", "write_release"} & set(simulation.calls) == set()


def test_a_moved_tag_is_refused_and_recorded_nowhere() -> None:
    host = with_live("v1.0.0")
    result = deploy(host, "v1.0.0", image=image("v1.0.1"))
    assert (result.outcome, result.code, result.changed) == ("refused", Code.USAGE, False)
    assert "the tag moved" in (result.cause or "") and len(host.history) == 1


def test_nonsense_is_refused_before_the_lock() -> None:
    host = with_live("v1.0.0")
    host.locked = True
    simulation = Simulation(host)
    for document in (None, {}, request("latest"), request("v2.0.0", gates={"golden": [{**GOLDEN, "path": 1}]})):
        result = engine_of(simulation).deploy(document)
        assert (result.outcome, result.code) == ("refused", Code.USAGE)
    assert simulation.calls == []


CHANGES: dict[str, Callable[[Engine], Result]] = {
    "deploy": lambda it: it.deploy(request("v3.0.0")),
    "rollback": lambda it: it.rollback(None, "bob", ""),
    "recover": lambda it: it.recover(),
    "prune": lambda it: it.prune(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_second_change_at_the_same_time_is_refused_with_its_holder(what: str) -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.locked = True
    result = CHANGES[what](engine(host))
    assert (result.outcome, result.code, result.changed) == ("refused", Code.LOCKED, False)
    assert "deploy by bob" in (result.cause or "")


@pytest.mark.parametrize("version", ["v2.0.0", "v3.0.0"], ids=["unchanged", "new"])
def test_a_dry_run_says_the_same_and_does_nothing(version: str) -> None:
    host = publish(with_live("v1.0.0", "v2.0.0"), "v3.0.0")
    simulation = Simulation(host)
    dry = engine_of(simulation).deploy(request(version), dry_run=True)
    assert set(simulation.calls) & WRITES == set()
    assert simulation.events == []
    real = deploy(host, version)
    assert (dry.code, dry.changed, dry.diff, dry.release) == (real.code, real.changed, real.diff, real.release)
    assert dry.outcome == ("would_change" if real.changed else "unchanged")


def test_a_dry_run_refuses_what_the_run_would_refuse() -> None:
    host = with_live("v1.0.0")
    assert deploy(host, "v1.0.0", True, image=image("v1.0.1")).code == Code.USAGE
    assert engine(host).rollback("v9.0.0", "bob", "", dry_run=True).code == Code.UNKNOWN


def test_a_dry_run_works_while_another_change_runs() -> None:
    host = with_live("v1.0.0")
    host.locked = True
    assert deploy(host, "v2.0.0", True).outcome == "would_change"
