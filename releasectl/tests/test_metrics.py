"""The metrics: what the status knows, as numbers; what it does not know has no sample."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from releasectl.cli import _metrics
from releasectl.commands.metrics import METRICS, metrics_text
from releasectl.commands.report import status
from releasectl.model.errors import Failure
from releasectl.rollout.surroundings import Certificates, Changed, ChangedFile, Leaf, Unit
from releasectl.startup.http_client import Reply

from .scenarios import engine, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation
from .surroundings import DOOR, REFUSED, Seen

NOW = 1_800_000_000.0
UP, DOWN = Unit("loaded", "active", "enabled"), Unit("loaded", "inactive", "enabled")
TIMER = "slipway-recover@inference.timer"
LEAF, OTHER = Leaf("aa", 0, 4e9), Leaf("bb", 0, 3e9, self_signed=True)
SAMPLE = re.compile(r'(slipway_\w+)\{service="inference"\} (\S+)')


def live() -> SimulatedHost:
    return with_live("v1.0.0", **DOOR)


def read(host: SimulatedHost, door: Reply | None = None, holder: str | None = None, **found: Any) -> dict[str, float]:
    simulation = Simulation(host)
    simulation.door = door
    text = metrics_text(status(simulation.host, holder, Seen(**found)), NOW)
    return {name: float(value) for name, value in SAMPLE.findall(text)}


def certificates(served: Leaf) -> Certificates:
    return Certificates("/a.pem", "127.0.0.1:443", "/hook", served, served, LEAF, True)


def test_a_good_host() -> None:
    found = read(live(), units={TIMER: UP}, certificates=certificates(LEAF), registry_error="")
    assert (found["slipway_serving"], found["slipway_live"], found["slipway_healthy"]) == (1, 1, 1)
    assert (found["slipway_recovery_timer_active"], found["slipway_docker_up"], found["slipway_edge_up"]) == (1, 1, 1)
    assert (found["slipway_certificate_ok"], found["slipway_certificate_expiry_seconds"]) == (1, 4e9)
    assert (found["slipway_maintenance"], found["slipway_troubles"], found["slipway_registry_up"]) == (0, 0, 1)
    assert found["slipway_status_timestamp_seconds"] == NOW


def test_each_fault_changes_its_metric() -> None:
    assert read(live(), REFUSED)["slipway_serving"] == 0
    assert read(live(), units={TIMER: DOWN})["slipway_recovery_timer_active"] == 0
    wrong = read(live(), certificates=certificates(OTHER))
    assert (wrong["slipway_certificate_ok"], wrong["slipway_certificate_expiry_seconds"]) == (0, 3e9)
    assert read(live(), registry_error="no")["slipway_registry_up"] == 0
    assert read(live(), store_error="no")["slipway_model_store_up"] == 0
    assert read(live(), changed=Changed(0, "ops", (ChangedFile("/a", "content"),)))["slipway_changed_files"] == 1
    host = live()
    engine(host).maintenance(True, "ops@jump", "disk swap")
    assert read(host)["slipway_maintenance"] == 1


def test_docker_that_does_not_answer() -> None:
    simulation = Simulation(live())
    simulation.down = frozenset({"check_docker"})
    text = metrics_text(status(simulation.host, None, Seen()), NOW)
    assert dict(SAMPLE.findall(text))["slipway_docker_up"] == "0"


def test_haproxy_that_does_not_answer() -> None:
    simulation = Simulation(live())
    simulation.down = frozenset({"get_map"})
    text = metrics_text(status(simulation.host, None, Seen()), NOW)
    assert dict(SAMPLE.findall(text))["slipway_edge_up"] == "0"


def test_unknown_has_no_sample() -> None:
    found = read(SimulatedHost(config()))
    assert found["slipway_live"] == 0
    for name in ("serving", "healthy", "recovery_timer_active", "certificate_ok", "registry_up", "changed_files"):
        assert f"slipway_{name}" not in found, name


def test_a_rollout_and_its_canary() -> None:
    doc = status(Simulation(live()).host, "deploy v2.0.0 by alice since now", Seen())
    doc["canary"] = {"version": "v2.0.0", "slot": "green", "percent": 20, "state": "hold"}
    found = dict(SAMPLE.findall(metrics_text(doc, NOW)))
    assert (found["slipway_rollout_running"], found["slipway_canary_held"]) == ("1", "1")
    recovering = read(live(), holder="recover by root since now")
    assert (recovering["slipway_rollout_running"], recovering["slipway_canary_held"]) == (0, 0)


def test_the_format() -> None:
    doc = status(Simulation(live()).host, None, Seen())
    doc["live"]["release"]["model_version"] = 'a "b" \\ c'
    text = metrics_text(doc, NOW)
    assert text.endswith("\n")
    assert re.search(r'^slipway_info\{.*version="v1.0.0",.*model_version="a \\"b\\" \\\\ c",.*\} 1$', text, re.M)
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) slipway_\w+ .+|slipway_\w+\{.*\} [0-9.]+", line), line
    names = [it.name for it in METRICS]
    assert len(names) == len(set(names))


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    simulation = Simulation(live())
    doc = status(simulation.host, None, Seen())
    path = tmp_path / "node-exporter" / "slipway_inference.prom"
    for _ in range(2):
        assert _metrics(doc, str(path), simulation) == 0  # type: ignore[arg-type]
    assert path.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    try:
        _metrics(doc, "/proc/nowhere/a.prom", simulation)  # type: ignore[arg-type]
    except Failure as failure:
        assert failure.cause.startswith("Failed to write /proc/nowhere/a.prom: ")
    else:
        raise AssertionError("written to /proc")
