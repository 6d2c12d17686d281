"""Secrets are in the release's own files and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from releasectl.commands.engine import Result

from .scenarios import GOLDEN, SECRET, deploy, publish, request, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

AUTH = "registry-pass-word"
QUOTED = 'pa"ss\\wörd-9'


def everything(host: SimulatedHost, simulation: Simulation, result: Result) -> str:
    """All that is written or told, but the release's settings."""
    records = [host.state, host.journal, host.history, [text for text, _ in host.releases.values()]]
    told = [
        result.document(),
        simulation.events,
        repr(result),
        repr([settings for _, settings in host.releases.values()]),
    ]
    return json.dumps([records, told], ensure_ascii=False) + json.dumps([records, told])


LEAKS: list[dict[str, Any]] = [
    {"health": f"TOKEN={SECRET}", "live": False},
    {"health": "x" * 155 + SECRET, "ready": False},
    {"version": f"v1 {SECRET}"},
    {"version": "x" * 70 + SECRET},
    {"answer": json.dumps({"predictions": SECRET})},
    {"answer": json.dumps({"predictions": [{"label": "x" * 70 + SECRET}]})},
    {"answer": json.dumps({"predictions": [{"label": QUOTED}]})},
    {"answer": f"<html>{SECRET}"},
    {"answer": QUOTED},
    {"status": 500, "answer": json.dumps({"error": SECRET, "also": QUOTED})},
    {"dies_at": "set_map"},
    {"starts": False},
    {},
]


@pytest.mark.parametrize("behaviour", LEAKS, ids=lambda it: "-".join(it) or "well")
def test_a_candidate_that_tells_its_secrets_is_not_quoted(behaviour: dict[str, Any]) -> None:
    says = (f"connecting with {SECRET}", f"and {json.dumps(QUOTED)}", f"and {QUOTED}")
    host = publish(with_live("v1.0.0"), "v2.0.0", says=says, **behaviour)
    simulation = Simulation(host)
    auth = {"username": "AWS", "password": AUTH}
    result = engine_of(simulation).deploy(request("v2.0.0", secrets={"TOKEN": SECRET, "Q": QUOTED}, registry_auth=auth))
    assert (result.code != 0) == bool(behaviour)
    found = everything(host, simulation, result)
    for secret in (SECRET, SECRET[:8], AUTH, QUOTED, json.dumps(QUOTED)[1:-1], 'pa"ss', 'pa\\\\\\"ss'):
        assert secret not in found


KEY = "the-key-of-the-gate"
KEYED = {"version_path": "/version", "golden": [{**GOLDEN, "headers": {"X-Api-Key": {"secret": "GOLDEN_API_KEY"}}}]}


@pytest.mark.parametrize(("given", "code"), [(KEY, 0), ("an-other-key-by-mistake", 3)])
def test_a_golden_request_takes_its_key_from_the_secrets_and_nobody_tells_it(given: str, code: int) -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", key=KEY)
    simulation = Simulation(host)
    result = engine_of(simulation).deploy(request("v2.0.0", gates=KEYED, secrets={"GOLDEN_API_KEY": given}))
    assert result.code == code
    found = everything(host, simulation, result)
    assert "GOLDEN_API_KEY" in found and given not in found
    assert code == 0 or "expected status 200, got 401" in (result.cause or "")


@pytest.mark.parametrize(
    ("secrets", "why"), [({}, "no secret"), ({"GOLDEN_API_KEY": "ключ-ключ"}, "that a header value cannot have")]
)
def test_a_key_that_cannot_be_had_is_refused_before_anything_begins(secrets: dict[str, str], why: str) -> None:
    host = with_live("v1.0.0")
    result = engine_of(Simulation(host)).deploy(request("v2.0.0", gates=KEYED, secrets=secrets))
    assert (result.code, result.outcome) == (2, "refused")
    assert "request.gates.golden[0].headers.X-Api-Key" in (result.cause or "") and why in (result.cause or "")
    assert "ключ" not in json.dumps(result.document(), ensure_ascii=False)


def test_a_key_may_be_the_live_release_s() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", key=SECRET)
    golden = {**GOLDEN, "headers": {"X-Api-Key": {"secret": "TOKEN"}}}
    document = {"version": "v2.0.0", "image": request("v2.0.0")["image"], "gates": {"golden": [golden]}}
    assert engine_of(Simulation(host)).deploy(document).outcome == "live"


def test_a_changed_secret_is_named_and_not_shown() -> None:
    host = with_live("v1.0.0")
    simulation = Simulation(host)
    result = engine_of(simulation).deploy(request("v1.0.0", secrets={"TOKEN": "an-other-secret"}))
    assert result.diff and result.diff["after"]["values_changed"] == ["TOKEN"]
    assert "an-other-secret" not in everything(host, simulation, result)


def test_recovery_does_not_quote_the_live_release_either() -> None:
    host = with_live("v1.0.0")
    host.reboot()
    publish(host, "v1.0.0", starts=False, says=(f"cannot log in with {SECRET}",))
    host.containers.clear()
    simulation = Simulation(host)
    result = engine_of(simulation).recover()
    assert result.code != 0 and result.logs == ("cannot log in with •••",)
    assert SECRET not in everything(host, simulation, result)


def test_an_interrupted_rollout_is_undone_without_quoting() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", says=(SECRET,))
    host.wall += 1
    assert deploy(host, "v2.0.0").outcome == "live"
    host.reboot()
    publish(host, "v2.0.0", starts=False, says=(SECRET,))
    simulation = Simulation(host)
    result = engine_of(simulation).rollback(None, "bob", "")
    assert SECRET not in everything(host, simulation, result)


def test_a_candidate_whose_answer_is_no_text_can_still_be_recorded() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", answer='{"predictions": "\\ud800"}')
    result = deploy(host, "v2.0.0")
    assert result.code == 3
    assert (result.cause or "").encode() and (host.entries()[-1].cause or "").encode()


def test_a_candidate_whose_answer_is_a_maze_fails_the_gate() -> None:
    for answer in ("[" * 100_000, "9" * 10_000, '{"predictions": ' + "9" * 400 + "}"):
        host = publish(with_live("v1.0.0"), "v2.0.0", answer=answer)
        assert deploy(host, "v2.0.0").code == 3
