"""Two services on one host, known by their names: own slots, lock, history, version; one edge, one certificate."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import lab, network
from tests.harness.load.steady import SteadyLoad

OTHER = "scoring"
DOMAIN = f"{OTHER}.{lab.NAME}"
SERVICES = {
    "inference": {"domains": [lab.NAME], "slots": {"blue": 18080, "green": 18081}, "version": "v1.0.0"},
    OTHER: {"domains": [DOMAIN], "slots": {"blue": 18090, "green": 18091}, "version": "v2.0.0"},
}
LEFT = (
    "/etc/slipway/{}",
    "/var/lib/slipway/{}",
    "/etc/systemd/system/{}@.service",
    "/etc/ansible/facts.d/slipway_{}.fact",
    "/var/lib/prometheus/node-exporter/slipway_{}.prom",
)
WITH = ("-e", json.dumps({"services": SERVICES}))


@pytest.fixture(scope="module", autouse=True)
def two_services() -> Iterator[None]:
    lab.good(lab.build("v2.0.0"))
    lab.start("v1.0.0")
    try:
        with network.also_named(DOMAIN):
            lab.good(lab.play("site.yml", *lab.LIMIT, *WITH))
            yield
    finally:
        lab.on_host(
            "systemctl",
            "disable",
            "--now",
            f"slipway-recover@{OTHER}.timer",
            f"slipway-watchdog@{OTHER}.timer",
            f"slipway-metrics@{OTHER}.timer",
            check=False,
        )
        for slot in ("blue", "green"):
            lab.on_host("systemctl", "stop", f"{OTHER}@{slot}.service", check=False)
            lab.on_host("docker", "rm", "--force", f"{OTHER}-{slot}", check=False)
        lab.on_host("rm", "-rf", *(path.format(OTHER) for path in LEFT))
        lab.on_host("systemctl", "daemon-reload")
    lab.good(lab.play("site.yml", *lab.LIMIT))


def ask(name: str) -> dict[str, Any]:
    """Its /version, over TLS by its own name, the certificate verified."""
    argv = ["curl", "--silent", "--show-error", "--max-time", "10", "--cacert", str(lab.ROOTS)]
    argv += ["--noproxy", "*", "--resolve", f"{name}:443:{network.address()}", f"https://{name}/version"]
    return dict(json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout))


def state_of(service: str) -> dict[str, Any]:
    return dict(json.loads(lab.on_host("cat", f"/var/lib/slipway/{service}/state.json")))


def test_each_answers_by_its_own_name() -> None:
    assert ask(lab.NAME)["version"] == "v1.0.0"
    assert ask(DOMAIN)["version"] == "v2.0.0"
    assert state_of("inference")["live"]["release"]["version"] == "v1.0.0"
    assert state_of(OTHER)["live"]["release"]["version"] == "v2.0.0"


def test_a_second_converge_changes_nothing() -> None:
    assert lab.good(lab.play("site.yml", *lab.LIMIT, *WITH)).recap[lab.HOST]["changed"] == 0


def test_a_rollout_of_one_leaves_the_other_alone(load: SteadyLoad) -> None:
    before = state_of("inference")
    lab.good(lab.deploy("v1.0.0", *WITH, "-e", f"service={OTHER}"))
    assert ask(DOMAIN)["version"] == "v1.0.0"
    assert state_of("inference") == before
    done = lab.good(lab.play("playbooks/rollback.yml", *lab.LIMIT, *WITH, "-e", f"service={OTHER}"))
    assert f"v2.0.0 (release 1) is live on {state_of(OTHER)['live']['slot']}" in done.out
    assert ask(DOMAIN)["version"] == "v2.0.0"
    assert state_of("inference") == before
    assert len(json.loads(lab.on_host("releasectl", "--service", OTHER, "history", "--json"))["releases"]) == 3


def test_each_has_its_own_lock() -> None:
    words = ("deploy", "--version", "v1.0.0", "--canary", "20", "--step", "1", "--hold")
    lab.good(lab.run("docker", "exec", "--detach", lab.CONTAINER, "releasectl", "--service", OTHER, *words))
    status = ("--service", OTHER, "status", "--json")
    lab.wait_until(lambda: json.loads(lab.on_host("releasectl", *status))["canary"] is not None, "a canary runs")
    try:
        lab.on_host("releasectl", "--service", "inference", "deploy", "--version", "v2.0.0")
        lab.on_host("releasectl", "--service", "inference", "rollback", "--to", "v1.0.0")
    finally:
        lab.good(lab.fab("canary", "abort", "--service", OTHER))
    lab.wait_until(lambda: json.loads(lab.on_host("releasectl", *status))["changing"] is None, "it is over")
    assert ask(lab.NAME)["version"] == "v1.0.0"
    assert ask(DOMAIN)["version"] == "v2.0.0"


def test_one_in_maintenance_is_one() -> None:
    lab.on_host("releasectl", "--service", OTHER, "maintenance", "on")
    try:
        assert ask(DOMAIN)["message"] == f"{OTHER} is in maintenance."
        assert ask(lab.NAME)["version"] == "v1.0.0"
    finally:
        lab.on_host("releasectl", "--service", OTHER, "maintenance", "off")
    assert ask(DOMAIN)["version"] == "v2.0.0"


def test_the_image_of_the_other_is_not_pruned() -> None:
    """Both have run the same images; one forgets its own."""
    images = {entry["release"]["image"] for entry in lab.history_of(OTHER)}
    lab.on_host("releasectl", "--service", "inference", "prune")
    there = lab.on_host("docker", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
    assert images <= set(there)
