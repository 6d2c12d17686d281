"""The live slot is down and its standby answers: the map says so, nothing takes it away; three times is a rollback."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from releasectl.commands.engine import Engine
from releasectl.commands.history_report import history
from releasectl.commands.report import status
from releasectl.host import exit_records as files
from releasectl.host.paths import Paths
from releasectl.host.store import Store
from releasectl.model.counters import Counters, between
from releasectl.model.errors import Code
from releasectl.model.model import Moment, Ref
from releasectl.rollout.failover import WINDOW_S, Exit, exit_doc, read_exit, to_record, too_many
from releasectl.slot import exits as module
from releasectl.startup.fast_dataclass import replace

from .crashing import points, recover_cleanly
from .scenarios import check_consistent, check_idle, deploy, engine, publish, request, rollback, run_until, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of


def warm() -> SimulatedHost:
    """v2.0.0 live on green, v1.0.0 warm on blue."""
    return with_live("v1.0.0", "v2.0.0")


def exits_of(host: SimulatedHost, count: int, every_s: float = 10.0, **more: Any) -> SimulatedHost:
    """The live container goes down so often, and is down now."""
    state = host.state_now()
    assert state.live
    for _ in range(count):
        host.spend(every_s)
        standby = state.standby
        it = Exit(
            state.live.ref, state.live.slot, host.wall, host.mono, "exited with code 137", True,
            standby.ref if standby else None, standby.slot if standby else "",
        )  # fmt: skip
        host.exits = (*host.exits, replace(it, **more))
    host.kill(state.live.slot)
    return host


# The map.


def test_the_map_names_the_standby_from_the_switch_on() -> None:
    host = with_live("v1.0.0")
    assert (host.map_standby, host.runtime_standby) == ("none", "none")
    deploy(publish(host, "v2.0.0"), "v2.0.0")
    assert (host.map_file, host.map_standby, host.runtime_standby) == ("green", "blue", "blue")
    rollback(host)
    assert (host.map_file, host.map_standby, host.runtime_standby) == ("blue", "green", "green")


@pytest.mark.parametrize("changed", [{"standby_s": 0}, {"strategy": "stop_first"}])
def test_without_a_standby_it_names_none(changed: dict[str, Any]) -> None:
    host = with_live("v1.0.0")
    host.config = config(**changed)
    deploy(publish(host, "v2.0.0"), "v2.0.0")
    assert (host.map_file, host.map_standby, host.runtime_standby) == ("green", "none", "none")


def test_a_standby_is_off_the_map_before_it_stops() -> None:
    host = publish(warm(), "v3.0.0")
    simulation, _ = run_until(host, lambda it: it.deploy(request("v3.0.0")))
    assert simulation.calls.index("set_map") < simulation.calls.index("stop_unit")
    host = warm()
    host.spend(host.config.standby_s + 1)
    simulation = Simulation(host)
    engine_of(simulation).recover()
    assert simulation.calls.index("set_map") < simulation.calls.index("stop_unit")
    assert (host.map_standby, host.runtime_standby) == ("none", "none")


def test_a_host_of_before_gets_the_standby_onto_its_map() -> None:
    host = warm()
    host.map_standby = host.runtime_standby = "none"
    done = engine(host).recover().extra["done"]
    assert done == ["live map rewritten: green, blue stands by", "HAProxy routes to green, blue stands by"]
    check_idle(host)


def test_a_maintenance_takes_it_off_and_gives_it_back() -> None:
    host = warm()
    engine(host).maintenance(True, "bob", "")
    assert (host.map_file, host.map_standby) == ("maintenance", "none")
    engine(host).maintenance(False, "bob", "")
    assert (host.map_file, host.map_standby) == ("green", "blue")


# Whoever answers goes on answering.


def test_a_standby_that_answers_does_not_end() -> None:
    host = warm()
    host.kill("green")
    host.spend(host.config.standby_s + 1)
    assert engine(host).recover().extra["done"] == []
    assert host.serves() and host.state_now().standby
    host.settle()
    host.spend(1)
    assert engine(host).recover().extra["done"][0] == "standby ended"
    assert host.serves()


def test_a_standby_that_answers_makes_no_room() -> None:
    host = publish(warm(), "v3.0.0")
    host.kill("green")
    result = deploy(host, "v3.0.0")
    assert (result.outcome, result.code) == ("refused", Code.PREFLIGHT)
    assert "v2.0.0 (release 2) is down and the standby v1.0.0 (release 1) serves" in (result.cause or "")
    assert host.serves()
    assert rollback(host).outcome == "live"
    assert deploy(host, "v3.0.0").outcome == "live"


def test_a_live_slot_that_only_restarts_is_waited_for() -> None:
    host = publish(warm(), "v3.0.0")
    host.kill("green")
    host.settle()
    assert deploy(host, "v3.0.0").outcome == "live"


def test_status_says_who_answers() -> None:
    host = warm()
    assert status(Simulation(host).host, None)["failover"] is None
    exits_of(host, 1)
    doc = status(Simulation(host).host, None)
    assert (doc["healthy"], doc["failover"]["release"]["version"], doc["failover"]["slot"]) == (False, "v1.0.0", "blue")
    assert "  FAILOVER  v1.0.0 on blue answers: v2.0.0 (release 2) exited with code 137\n" in doc["text"]
    host.exits = (replace(host.exits[0], back=host.wall),)
    doc = status(Simulation(host).host, None)
    assert doc["failover"]["cause"] == "v2.0.0 (release 2) does not answer"
    host.stop_slot("blue")
    assert status(Simulation(host).host, None)["failover"] is None


# A candidate's failures are its own, whoever mends them.


def test_what_the_other_slot_answers_counts_against_the_candidate() -> None:
    span = between(Counters(100, 1, 0, 5.0, 7), Counters(150, 1, 0, 5.0, 27))
    assert (span.failed, span.error_ratio) == (20, 0.4)
    assert "20 answered by the other slot" in str(span)


def test_a_bake_takes_back_what_the_standby_answers_for() -> None:
    host = with_live("v1.0.0")
    host.config, host.rate = config(bake_s=10), 50
    publish(host, "v2.0.0")
    simulation = Simulation(host)
    counters = simulation.routing.counters

    def failing() -> dict[str, Counters]:
        """The edge finds the candidate down, and its container runs on."""
        return {
            slot: replace(it, failover=it.requests // 2 if slot == "green" else 0) for slot, it in counters().items()
        }

    simulation.routing.counters = failing  # type: ignore[method-assign]
    result = engine_of(simulation).deploy(request("v2.0.0"))
    assert (result.outcome, result.code) == ("failed", Code.GATE)
    assert "answered by the other slot" in (result.cause or "")


# Too often.


def test_three_times_within_five_minutes_is_rolled_back() -> None:
    host = exits_of(warm(), 3)
    host.hooks = frozenset({"post-rollback"})
    simulation = Simulation(host)
    result = engine_of(simulation).recover()
    assert (result.outcome, result.code) == ("live", 0)
    state = check_consistent(host)
    assert state.live and (state.live.ref.version, state.live.via) == ("v1.0.0", "rollback")
    assert state.standby and state.standby.ref.version == "v2.0.0", "as after any rollback"
    entry = host.entries()[-1]
    assert (entry.kind, entry.by) == ("rollback", "releasectl recover")
    assert entry.reason == (
        "v2.0.0 (release 2) went down 3 times within 5 minutes; the last time it exited with code 137"
    )
    (heard,) = simulation.hooked
    assert (heard["hook"], heard["by"], heard["reason"]) == ("post-rollback", "releasectl recover", entry.reason)
    # The failover that the rollback ended.
    engine(host).recover()
    assert host.entries()[-1].kind == "failover"
    check_idle(host)


@pytest.mark.parametrize(
    ("make", "changed"),
    [
        (lambda: exits_of(warm(), 2), {}),
        (lambda: exits_of(warm(), 3, every_s=WINDOW_S / 2), {}),
        (lambda: exits_of(warm(), 5), {"failover_after": 0}),
        (lambda: exits_of(warm(), 3, by_itself=False), {}),
        (lambda: exits_of(with_live("v1.0.0", "v2.0.0", standby=False), 3), {}),
        (lambda: exits_of(with_live("v1.0.0"), 3), {}),
    ],
    ids=["twice", "over a longer time", "never", "stopped by somebody", "no standby", "the first release"],
)
def test_otherwise_it_is_not(make: Any, changed: dict[str, Any]) -> None:
    host = make()
    if changed:
        host.config = config(**changed)
    live = host.state_now().live
    engine(host).recover()
    assert host.state_now().live == live


def test_what_a_rollback_made_live_is_not_rolled_back_to_the_bad_one() -> None:
    host = warm()
    rollback(host)
    exits_of(host, 4)
    engine(host).recover()
    assert host.state_now().live.ref.version == "v1.0.0"  # type: ignore[union-attr]


def test_a_standby_that_is_not_ready_is_no_way_back() -> None:
    host = exits_of(warm(), 3)
    host.containers["blue"] = replace(host.containers["blue"], started=host.mono + 100)
    result = engine(host).recover()
    assert (result.outcome, result.code) == ("refused", Code.PREFLIGHT)
    assert host.state_now().live.ref.version == "v2.0.0"  # type: ignore[union-attr]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rollback_by_itself_that_is_killed_is_all_or_nothing(when: str) -> None:
    def act(it: Engine) -> Any:
        return it.recover()

    before = exits_of(warm(), 3)
    calls = run_until(before.copy(), act)[0].calls
    for crash in points(calls):
        if crash.when != when:
            continue
        host = before.copy()
        run_until(host, act, crash)
        recover_cleanly(host)
        assert host.serves()
        assert host.violations == ()


# The history.


def test_history_says_who_answered_and_why() -> None:
    host = exits_of(warm(), 1, back=1_800_000_020.0, seconds=2.5)
    engine(host).recover()
    engine(host).recover()
    entry = host.entries()[-1]
    assert (entry.kind, entry.outcome, entry.release.version, entry.slot) == ("failover", "answered", "v1.0.0", "blue")
    assert entry.cause == "v2.0.0 (release 2) exited with code 137"
    assert len([it for it in host.entries() if it.kind == "failover"]) == 1
    text = history(Simulation(host).host, 1)["text"]
    assert "failover answered v1.0.0       release 1       2.5s  by edge" in text


def test_one_that_goes_on_is_not_history_yet_and_the_one_before_it_is() -> None:
    host = exits_of(warm(), 2)
    state = host.state_now()
    assert [it.started for it in to_record(state, host.exits, frozenset())] == [host.exits[0].at]
    assert to_record(state, [replace(it, standby=None) for it in host.exits], frozenset()) == ()


def test_a_lost_state_is_still_found_again_with_failovers_in_the_history() -> None:
    host = exits_of(with_live("v1.0.0", "v2.0.0"), 1, back=1_800_000_020.0)
    engine(host).recover()
    host.settle()
    host.spend(1)
    was = host.state_now().live
    host.state = None
    engine(host).recover()
    now = host.state_now().live
    assert was and now and (was.ref, was.slot) == (now.ref, now.slot)


# Values and files.

ONE = Exit(Ref(2, "v2.0.0", "x@sha256:1"), "green", 1_800_000_000.0, 12.5, "exited with code 1")


@pytest.mark.parametrize(
    "it", [ONE, replace(ONE, standby=Ref(1, "v1.0.0", "x@sha256:0"), standby_slot="blue", back=ONE.at + 2, seconds=2.0)]
)
def test_an_exit_is_read_as_it_was_written(it: Exit) -> None:
    assert read_exit(json.loads(json.dumps(exit_doc(it)))) == it


def test_exits_of_another_boot_do_not_count() -> None:
    state = warm().state_now()
    assert state.live
    now = Moment(state.live.since + 60, 5.0)
    exits = [replace(ONE, release=state.live.ref, at=now.wall - 1, monotonic=1000.0)] * 3
    assert too_many(state, exits, now, 3) is None
    assert too_many(state, [replace(it, monotonic=4.0) for it in exits], now, 3)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', "null"])
def test_exits_that_cannot_be_read_do_not_count(tmp_path: Path, text: str) -> None:
    paths = Paths(str(tmp_path))
    path = Path(paths.exits("inference", "blue"))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert files.read(paths, "inference", "blue") == ()
    files.write(paths, "inference", "blue", [ONE] * 30)
    assert files.read(paths, "inference", "blue") == (ONE,) * files.KEPT


def test_run_slot_records_an_exit_of_the_live_container_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = warm().state_now()
    assert state.live and state.standby
    paths, settings = Paths(str(tmp_path)), config()
    store = Store(paths, settings)
    store.prepare()
    store.save_state(state)
    store.write_map("green", "blue")
    Path(paths.events).parent.mkdir(parents=True)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(module, "run", lambda argv, _: ran.append(argv))
    live = module.Exits(paths, settings, "green")
    module.Exits(paths, settings, "blue").ended(state.standby.ref, "exited with code 1")
    live.stopped(state.live.ref, lambda: True)
    assert files.read(paths, "inference", "green") == files.read(paths, "inference", "blue") == ()
    since = state.live.since
    monkeypatch.setattr(time, "time", lambda: since + 1)
    for _ in range(3):
        assert ran == []
        live.ended(state.live.ref, "exited with code 1")
    assert ran == [("systemctl", "start", "--no-block", "slipway-recover@inference.service")]
    found = files.read(paths, "inference", "green")
    assert [(it.standby, it.by_itself) for it in found] == [(state.standby.ref, True)] * 3
    event = json.loads(Path(paths.events).read_text().splitlines()[0])
    assert (event["phase"], event["event"], event["answers"]) == ("failover", "start", "v1.0.0 (release 1)")
    assert event["cause"] == "v2.0.0 (release 2) exited with code 1"
