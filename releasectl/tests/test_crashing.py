"""A live release that ends, or that is still starting: what is said of it, and what a deploy of it does."""

from __future__ import annotations

import pytest
from releasectl.commands.report import status

from .scenarios import GOLDEN, WRONG, deploy, engine, publish, rollback, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation


def troubles(host: SimulatedHost) -> list[str]:
    return list(status(Simulation(host).host, None)["troubles"])


def crashed() -> SimulatedHost:
    host = with_live("v1.0.0", "v2.0.0")
    host.spend(1)
    assert troubles(host) == []
    host.kill("green")
    return host


def test_a_crash_is_told_while_it_is_down_and_for_a_while_after() -> None:
    host = crashed()
    doc = status(Simulation(host).host, None)
    assert doc["healthy"] is False
    assert "NOT HEALTHY" in doc["text"]
    assert len([line for line in doc["text"].splitlines() if "TROUBLE" in line]) == 2
    host.settle()
    host.spend(5)
    doc = status(Simulation(host).host, None)
    assert (doc["troubles"], doc["restarted"]["cause"]) == ([], "exited with code 137")
    assert "  restarted 5s ago: the container exited with code 137\n" in doc["text"]
    host.spend(60)
    assert status(Simulation(host).host, None)["restarted"] is None


def test_the_end_of_another_release_in_the_same_slot_is_not_told() -> None:
    host = crashed()
    for seconds in (2, 2):
        host.settle()
        host.spend(seconds)
        host.kill("green")
    host.settle()
    assert troubles(host) and "exited with code 137" in troubles(host)[0]
    rollback(host)
    deploy(host, "v3.0.0")
    doc = status(Simulation(host).host, None)
    assert (doc["live"]["slot"], doc["live"]["release"]["version"]) == ("green", "v3.0.0")
    assert (doc["troubles"], doc["restarted"]) == ([], None)


def test_status_says_what_the_live_release_answers() -> None:
    doc = status(Simulation(with_live("v1.0.0")).host, None)
    assert doc["gates"]["version_path"] == "/version"
    assert doc["gates"]["golden"][0].items() >= GOLDEN.items()
    assert status(Simulation(SimulatedHost()).host, None)["gates"] is None


def test_one_command_leads_away_from_it() -> None:
    host = crashed()
    result = rollback(host)
    assert (result.outcome, result.release and result.release.version) == ("live", "v1.0.0")
    assert troubles(host) == []


@pytest.mark.parametrize("begin", ["reboot", "restart"])
def test_a_deploy_of_what_is_live_and_still_starts_waits_for_it(begin: str) -> None:
    host = with_live("v1.0.0", standby=False)
    if begin == "reboot":
        host.reboot()
    else:
        host.kill("blue")
        host.settle()
    result = deploy(host, "v1.0.0")
    assert (result.outcome, result.message) == ("unchanged", "v1.0.0 (release 1) is live already")
    assert host.state_now().live.slot == "blue"  # type: ignore[union-attr]


@pytest.mark.parametrize("lag_s", [0, 0.5, 60])
def test_a_deploy_of_what_is_live_ends_when_the_edge_finds_it_up(lag_s: float) -> None:
    """Or its requests, and the smoke test, would still get the standby. It does not wait for ever."""
    host = with_live("v1.0.0", "v2.0.0")
    host.edge_doubts_until = host.mono + lag_s
    begin, result = host.mono, deploy(host, "v2.0.0")
    assert result.outcome == "unchanged"
    assert min(lag_s, 2) <= host.mono - begin < 3
    assert bool(result.warnings) == (lag_s == 60)


def test_a_deploy_of_what_is_live_and_does_not_come_up_replaces_it() -> None:
    host = with_live("v1.0.0", standby=False)
    host.kill("blue")
    result = deploy(host, "v1.0.0")
    assert (result.outcome, host.state_now().live.slot) == ("live", "green")  # type: ignore[union-attr]


def test_a_dry_run_waits_for_nobody() -> None:
    host = with_live("v1.0.0", standby=False)
    host.kill("blue")
    before = host.mono
    assert deploy(host, "v1.0.0", True).outcome == "would_change"
    assert host.mono - before < 0.1


def test_an_undo_with_the_old_one_dead_leaves_it_live_and_recorded() -> None:
    host = with_live("v1.0.0", standby=False)
    host.kill("blue")
    assert deploy(publish(host, "v2.0.0", answer=WRONG), "v2.0.0").code == 3
    assert host.state_now().live.ref.version == "v1.0.0"  # type: ignore[union-attr]
    host.settle()
    assert engine(host).recover().code == 0
    assert host.runtime == "blue"
