"""What the crash tests start from and what they do, and what must hold of a host afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from releasectl.commands.engine import Engine, Result
from releasectl.model.journal import Journal
from releasectl.model.model import State
from releasectl.startup.fast_dataclass import replace

from .faults import WRITES, Crash, CrashAt, FailAt
from .simulated_host import RIGHT, SLOTS, App, SimulatedHost, config, read_journal, read_release
from .simulation import Simulation, engine_of

GOLDEN = {"name": "benign", "path": "/predict", "body": {"instances": [[1.0]]}, "expect": RIGHT, "tolerance": 0.05}
SECRET = "hunter2-hunter2"
WRONG = json.dumps({"predictions": [{"label": "malignant", "probability": 0.98}]})


def image(version: str) -> str:
    return f"registry.example/inference@sha256:{hashlib.sha256(version.encode()).hexdigest()}"


def request(version: str, /, **changed: Any) -> dict[str, Any]:
    return {
        "version": version,
        "image": image(version),
        "env": {"LOG_LEVEL": "info"},
        "secrets": {"TOKEN": SECRET},
        "model_version": f"m-{version}",
        "by": "alice",
        "reason": "because",
        "gates": {"version_path": "/version", "golden": [GOLDEN]},
        **changed,
    }


def publish(host: SimulatedHost, version: str, /, **behaviour: Any) -> SimulatedHost:
    """The registry has this version, and it behaves like this."""
    host.registry[image(version)] = App(**{"version": version, **behaviour})
    return host


def engine(host: SimulatedHost) -> Engine:
    return engine_of(Simulation(host))


def deploy(host: SimulatedHost, version: str, dry_run: bool = False, /, **changed: Any) -> Result:
    if image(version) not in host.registry:
        publish(host, version)
    return engine(host).deploy(request(version, **changed), dry_run)


def rollback(host: SimulatedHost, to: str | None = None) -> Result:
    return engine(host).rollback(to, "bob", "it was wrong")


def with_live(*versions: str, standby: bool = True, **settings: Any) -> SimulatedHost:
    """These were deployed, one after the other."""
    host = SimulatedHost(config(**settings))
    for version in versions:
        result = deploy(host, version)
        assert result.outcome == "live", result
    if not standby:
        host.spend(host.config.standby_s + 1)
        assert engine(host).recover().code == 0
    return host


@dataclass(frozen=True)
class Scenario:
    name: str
    prepare: Callable[[], SimulatedHost]
    act: Callable[[Engine], Result]
    target: str
    good: bool = True
    """An uninterrupted run makes the target live."""

    def __str__(self) -> str:
        return self.name


def _deploying(version: str) -> Callable[[Engine], Result]:
    return lambda it: it.deploy(request(version))


def _rolling(to: str | None = None) -> Callable[[Engine], Result]:
    return lambda it: it.rollback(to, "bob", "it was wrong")


def _then(version: str, *before: str, **behaviour: Any) -> Callable[[], SimulatedHost]:
    """Hosts with `before` live, and a version that behaves like this in the registry."""
    return lambda: publish(with_live(*before), version, **behaviour)


def _dead_live(standby: bool = True) -> SimulatedHost:
    host = with_live("v1.0.0", "v2.0.0", standby=standby)
    host.kill("green")
    return host


def _fixed(scenario: Callable[[], SimulatedHost]) -> Callable[[], SimulatedHost]:
    made: list[SimulatedHost] = []

    def copy() -> SimulatedHost:
        if not made:
            made.append(scenario())
        return made[0].copy()

    return copy


def _busy(host: SimulatedHost) -> SimulatedHost:
    host.busy = 4
    return host


SCENARIOS = [
    Scenario(name, _fixed(prepare), act, target, good)
    for name, prepare, act, target, good in (
        ("first deploy", _then("v1.0.0"), _deploying("v1.0.0"), "v1.0.0", True),
        ("second deploy", _then("v2.0.0", "v1.0.0"), _deploying("v2.0.0"), "v2.0.0", True),
        ("deploy displacing a standby", _then("v3.0.0", "v1.0.0", "v2.0.0"), _deploying("v3.0.0"), "v3.0.0", True),
        (
            "deploy without standby",
            lambda: publish(with_live("v1.0.0", standby_s=0), "v2.0.0"),
            _deploying("v2.0.0"),
            "v2.0.0",
            True,
        ),
        ("rollback to a warm standby", lambda: _busy(with_live("v1.0.0", "v2.0.0")), _rolling(), "v1.0.0", True),
        (
            "rollback to a recorded release",
            lambda: with_live("v1.0.0", "v2.0.0", standby=False),
            _rolling(),
            "v1.0.0",
            True,
        ),
        (
            "rollback past the standby",
            lambda: with_live("v1.0.0", "v2.0.0", "v3.0.0"),
            _rolling("v1.0.0"),
            "v1.0.0",
            True,
        ),
        ("rollback without standby", lambda: with_live("v1.0.0", "v2.0.0", standby_s=0), _rolling(), "v1.0.0", True),
        ("rollback from a release that died", _dead_live, _rolling(), "v1.0.0", True),
        ("a release that died, once more", lambda: _dead_live(standby=False), _deploying("v2.0.0"), "v2.0.0", True),
        ("first deploy fails its gate", _then("v1.0.0", ready=False), _deploying("v1.0.0"), "v1.0.0", False),
        (
            "second deploy fails its gate",
            _then("v2.0.0", "v1.0.0", answer=WRONG),
            _deploying("v2.0.0"),
            "v2.0.0",
            False,
        ),
        (
            "deploy displacing a standby fails its gate",
            _then("v3.0.0", "v1.0.0", "v2.0.0", answer=WRONG),
            _deploying("v3.0.0"),
            "v3.0.0",
            False,
        ),
        (
            "candidate dies at the switch",
            _then("v2.0.0", "v1.0.0", dies_at="set_map"),
            _deploying("v2.0.0"),
            "v2.0.0",
            False,
        ),
        (
            "candidate dies while the old one drains",
            lambda: _busy(publish(with_live("v1.0.0"), "v2.0.0", dies_at="in_flight")),
            _deploying("v2.0.0"),
            "v2.0.0",
            False,
        ),
    )
]


# What must hold.


def check_consistent(host: SimulatedHost) -> State:
    """No work is left over, one truth, one live release that answers, nothing that nobody needs."""
    host.settle()
    assert host.violations == ()
    assert host.journal is None, "the journal is left over"
    assert host.litter == frozenset(), "temporary files are left over"
    assert not host.locked
    state = host.state_now()
    assert (host.map_file or "none") == (host.runtime or "none") == state.routed
    used: dict[str, int] = {}
    if state.live:
        used[state.live.slot] = state.live.ref.id
    if state.standby:
        assert state.standby.slot not in used
        used[state.standby.slot] = state.standby.ref.id
    assert host.links == used
    assert {slot: it.release for slot, it in host.containers.items()} == used, "containers"
    assert {slot: it for slot, it in host.units.items() if it != "inactive"} == dict.fromkeys(used, "active")
    if state.live:
        assert state.live.ref.id in host.releases
    check_history(host, state)
    return state


def check_history(host: SimulatedHost, state: State) -> None:
    entries = host.entries()
    txns = [entry.txn for entry in entries]
    assert len(set(txns)) == len(txns), f"history tells a transaction twice: {entries}"
    live = [entry for entry in entries if entry.outcome == "live"]
    if state.live is None:
        assert not live
        return
    assert (live[-1].release, live[-1].slot) == (state.live.ref, state.live.slot)
    assert all(entry.cause for entry in entries if entry.outcome == "failed")


def check_healthy(host: SimulatedHost) -> None:
    """Once its container had the time to start, the live release answers."""
    if host.state_now().live:
        later = host.copy()
        later.settle()
        later.spend(1)
        assert later.serves()


def check_idle(host: SimulatedHost) -> None:
    """Another recovery finds nothing to do."""
    simulation = Simulation(host)
    result = engine_of(simulation).recover()
    assert (result.code, result.outcome, result.extra["done"]) == (0, "unchanged", [])
    assert [name for name in simulation.calls if name in WRITES and name != "sweep"] == []


def check_way_back(host: SimulatedHost) -> None:
    """Every recorded release but the live one can be rolled back to."""
    state = host.state_now()
    for number, (text, _) in host.releases.items():
        if state.live and state.live.ref.id == number:
            continue
        copy = host.copy()
        publish(copy, read_release(text).ref.version)
        result = engine(copy).rollback(str(number), "bob", "way back")
        assert (result.outcome, result.release and result.release.id) == ("live", number), result
        assert check_consistent(copy).live


def fingerprint(host: SimulatedHost) -> tuple[Any, ...]:
    """Hosts that differ only in times, and in marks that say no more than those before, count as one."""
    state = host.state_now()
    journal = read_journal(host.journal) if host.journal is not None else None
    marks = journal.marks if isinstance(journal, Journal) else ()
    return (
        *(it and (it.ref.id, it.slot) for it in (state.live, state.standby)),
        (state.previous, state.live and state.live.via),
        (host.runtime, host.map_file, host.litter == frozenset()),
        tuple(sorted(host.releases)),
        tuple(sorted(host.links.items())),
        tuple(sorted(host.images)),
        tuple(sorted((slot, it.release, it.running) for slot, it in host.containers.items())),
        tuple(host.units.get(slot) for slot in SLOTS),
        (journal is None, frozenset((mark.phase, mark.mark == "undo") for mark in marks)),
        (len(host.history), host.died),
    )


def run_until(
    host: SimulatedHost,
    act: Callable[[Engine], Result],
    crash: CrashAt | None = None,
    fail: FailAt | None = None,
) -> tuple[Simulation, Result | None]:
    """The result is None when it crashed."""
    simulation = Simulation(host, crash, fail)
    try:
        return simulation, act(engine_of(simulation))
    except Crash:
        host.locked = False
        return simulation, None


def heal(host: SimulatedHost) -> SimulatedHost:
    """Versions behave from now on."""
    host.registry = {image: replace(app, dies_at=None, ready=True, live=True) for image, app in host.registry.items()}
    return host
