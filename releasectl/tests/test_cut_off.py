"""The ports of the slots cannot be reached although the containers answer: nothing is stopped for what cannot help."""

from __future__ import annotations

import pytest
from releasectl.model.errors import Code
from releasectl.rollout.gates import HINT

from .scenarios import WRONG, check_consistent, deploy, publish, request, rollback, run_until, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of


def cut_off() -> SimulatedHost:
    """v2.0.0 live on green, v1.0.0 stands by on blue, and neither port is reached."""
    host = with_live("v1.0.0", "v2.0.0")
    host.cut_off = frozenset({"blue", "green"})
    return host


@pytest.mark.parametrize("kind", ["rollback", "deploy"])
def test_a_rollout_is_refused_and_the_standby_stays(kind: str) -> None:
    host = publish(cut_off(), "v3.0.0")
    result = rollback(host) if kind == "rollback" else deploy(host, "v3.0.0")
    assert (result.code, result.outcome, result.changed) == (Code.PREFLIGHT, "refused", False)
    assert "127.0.0.1:18081 and 127.0.0.1:18080 cannot be reached" in str(result.cause)
    assert "Docker's rules are missing" in str(result.cause)
    assert str(result.hint).startswith("Restart Docker (`sudo systemctl restart docker`; containers keep running)")
    assert host.units == {"blue": "active", "green": "active"}
    host.cut_off = frozenset()
    state = check_consistent(host)
    assert state.standby and state.standby.ref.version == "v1.0.0"


def test_the_old_release_is_said_to_serve_when_it_answers() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", answer=WRONG)
    assert deploy(host, "v2.0.0").hint == HINT


def test_nobody_is_said_to_serve_when_the_old_release_does_not_answer() -> None:
    host = publish(with_live("v1.0.0"), "v2.0.0", answer=WRONG)
    publish(host, "v1.0.0", ready=False)
    result = deploy(host, "v2.0.0")
    assert result.code == Code.GATE
    assert result.hint == (
        "Outage: the previous release v1.0.0 (release 1) does not answer either. "
        "Run: sudo releasectl --service inference status"
    )


@pytest.mark.parametrize("answers", [True, False])
def test_a_deploy_that_is_stopped_says_whether_the_old_release_serves(answers: bool) -> None:
    calls = run_until(publish(with_live("v1.0.0"), "v2.0.0"), lambda it: it.deploy(request("v2.0.0")))[0].calls
    host = publish(with_live("v1.0.0"), "v2.0.0")
    simulation = Simulation(host)
    simulation.stop_at = calls.index("begin_journal") + 3
    if not answers:
        publish(host, "v1.0.0", ready=False)
    result = engine_of(simulation).deploy(request("v2.0.0"))
    assert "stopped by SIGTERM before the switch" in str(result.cause)
    outage = "Outage: the previous release v1.0.0"
    assert str(result.hint).startswith("The old release still serves." if answers else outage)


def test_the_first_deploy_has_no_old_release() -> None:
    host = publish(SimulatedHost(), "v1.0.0", answer=WRONG)
    assert deploy(host, "v1.0.0").hint == "Nothing was live before. Fix the candidate, then deploy again."
