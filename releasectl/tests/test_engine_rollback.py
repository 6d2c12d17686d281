"""Rollback, prune, and what is said about the way back."""

from __future__ import annotations

import pytest
from releasectl.commands.engine import rollback_info
from releasectl.model.errors import Code

from .faults import WRITES
from .scenarios import check_consistent, check_idle, deploy, engine, image, publish, request, rollback, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of


def test_a_rollback_to_the_standby_starts_no_container() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    simulation = Simulation(host)
    result = engine_of(simulation).rollback(None, "bob", "it was wrong")
    assert (result.outcome, result.code, result.changed) == ("live", 0, True)
    assert result.message == "v1.0.0 (release 1) is live on blue, was v2.0.0 (release 2)"
    changes = [name for name in simulation.calls if name in WRITES - {"append_journal", "sweep"}]
    assert changes == ["begin_journal", "write_map", "set_map", "save_state", "append_history", "clear_journal"]
    state = check_consistent(host)
    assert state.live and state.live.via == "rollback"
    assert state.standby and state.standby.ref.version == "v2.0.0"
    assert result.extra["rollback"].startswith("not selected: after a rollback, specify the release: ")
    check_idle(host)


def test_a_rollback_after_the_standby_starts_the_recorded_release_without_a_registry() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby=False)
    simulation = Simulation(host)
    simulation.down = frozenset({"pull_image"})
    result = engine_of(simulation).rollback(None, "bob", "")
    assert result.outcome == "live" and "start_unit" in simulation.calls
    assert check_consistent(host).live


def test_a_repeated_rollback_never_brings_the_bad_release_back() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    assert rollback(host).outcome == "live"
    again = rollback(host)
    assert (again.outcome, again.code, again.changed) == ("refused", Code.UNKNOWN, False)
    live = check_consistent(host).live
    assert live and live.ref.version == "v1.0.0"
    named = rollback(host, "v1.0.0")
    assert (named.outcome, named.code, named.changed) == ("unchanged", 0, False)


@pytest.mark.parametrize("to", ["v1.0.0", "1"])
def test_a_rollback_goes_where_it_is_told(to: str) -> None:
    host = with_live("v1.0.0", "v2.0.0", "v3.0.0")
    result = rollback(host, to)
    assert (result.outcome, result.release and result.release.id) == ("live", 1)
    state = check_consistent(host)
    assert state.standby and state.standby.ref.version == "v3.0.0"


def test_an_unknown_target_is_refused_with_what_there_is() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    result = rollback(host, "v9.0.0")
    assert (result.outcome, result.code, result.changed) == ("refused", Code.UNKNOWN, False)
    assert result.hint == "Recorded here: v2.0.0 (release 2), v1.0.0 (release 1)."


def test_a_rollback_to_an_image_that_is_gone_says_so_and_leaves_the_live_one_alone() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby=False)
    host.images -= {image("v1.0.0")}
    result = rollback(host)
    assert (result.outcome, result.code, result.changed) == ("failed", Code.IMAGE, False)
    assert "is missing from this host" in (result.cause or "") and len(host.history) == 2
    assert check_consistent(host).live
    check_idle(host)


def test_a_rollback_runs_the_gates_of_the_release_it_starts() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby=False)
    publish(host, "v1.0.0", status=500)
    result = rollback(host)
    assert (result.outcome, result.code) == ("failed", Code.GATE)
    live = check_consistent(host).live
    assert live and live.ref.version == "v2.0.0"


def test_a_rollback_restores_the_settings_of_its_release() -> None:
    host = with_live("v1.0.0")
    assert deploy(host, "v1.0.0", env={"LOG_LEVEL": "debug"}).outcome == "live"
    result = rollback(host)
    assert result.release and result.release.id == 1
    assert result.diff and result.diff["after"]["values_changed"] == ["LOG_LEVEL"]
    assert host.releases[1][1].env == {"LOG_LEVEL": "info"}


def test_a_standby_that_died_is_started_afresh() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    host.kill("blue")
    simulation = Simulation(host)
    result = engine_of(simulation).rollback(None, "bob", "")
    assert result.outcome == "live" and "start_unit" in simulation.calls
    assert check_consistent(host).live


def test_a_standby_that_dies_at_the_last_moment_gets_no_traffic() -> None:
    host = publish(with_live("v1.0.0", "v2.0.0"), "v1.0.0", dies_at="begin_journal")
    result = rollback(host)
    assert (result.outcome, result.code, result.changed) == ("failed", Code.GATE, False)
    assert "set_map" not in (result.cause or "") and host.violations == ()
    assert engine(host).recover().code == 0
    live = check_consistent(host).live
    assert live and live.ref.version == "v2.0.0"


def test_who_and_why_can_always_be_recorded() -> None:
    host = with_live("v1.0.0", "v2.0.0")
    assert engine(host).rollback(None, "b\udcffob", "two\nlines").outcome == "live"
    assert (host.entries()[-1].by, host.entries()[-1].reason) == ("b ob", "two lines")


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        (("v1.0.0",), "no release was live before"),
        (("v1.0.0", "v2.0.0"), "ready: v1.0.0 (release 1) starts from its image"),
    ],
)
def test_the_way_back_is_told(versions: tuple[str, ...], says: str) -> None:
    host = with_live(*versions, standby_s=0)
    assert says in rollback_info(Simulation(host).host, host.state_now())


def test_the_way_back_says_why_there_is_none() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby_s=0)
    host.images -= {image("v1.0.0")}
    assert "the image of v1.0.0 (release 1) is missing" in rollback_info(Simulation(host).host, host.state_now())
    del host.releases[1]
    assert "v1.0.0 (release 1) is no longer recorded" in rollback_info(Simulation(host).host, host.state_now())


def test_the_way_back_is_not_known_while_docker_is_down() -> None:
    host = with_live("v1.0.0", "v2.0.0", standby_s=0)
    simulation = Simulation(host)
    simulation.down = frozenset({"has_image"})
    assert rollback_info(simulation.host, host.state_now()).startswith("not known: ")


def test_prune_keeps_what_is_needed_and_removes_the_rest() -> None:
    host = SimulatedHost(config(retain=10))
    versions = [f"v{number}.0.0" for number in range(1, 7)]
    for version in versions:
        assert deploy(host, version).outcome == "live"
    host.config = config(retain=3)
    dry = engine(host).prune(dry_run=True)
    assert (dry.outcome, dry.changed, len(host.releases)) == ("would_change", False, 6)
    result = engine(host).prune()
    assert (result.outcome, result.changed) == ("pruned", True)
    assert result.extra["pruned"] == dry.extra["pruned"]
    assert set(host.releases) == {4, 5, 6}
    assert host.images == {image(version) for version in versions[3:]}
    assert engine(host).prune().outcome == "unchanged"
    check_consistent(host)


def test_a_deploy_prunes_and_a_prune_that_fails_never_fails_it() -> None:
    host = with_live("v1.0.0", "v2.0.0", "v3.0.0")
    publish(host, "v4.0.0")
    simulation = Simulation(host)
    simulation.down = frozenset({"remove_image", "remove_release"})
    result = engine_of(simulation).deploy(request("v4.0.0"))
    assert (result.outcome, result.code) == ("live", 0)
    assert any("prune" in warning for warning in result.warnings)
    assert deploy(host, "v5.0.0").outcome == "live"
    assert set(host.releases) == {3, 4, 5}


def test_ids_are_never_used_twice() -> None:
    host = with_live("v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0", "v5.0.0")
    publish(host, "v6.0.0", starts=False)
    assert deploy(host, "v6.0.0").code == Code.GATE
    deploy(host, "v7.0.0")
    ids = [entry.release.id for entry in host.entries()]
    assert ids == list(range(1, 8))
