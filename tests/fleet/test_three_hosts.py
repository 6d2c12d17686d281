"""Three hosts, of which one cannot: the run ends with the same version on all of them, and nobody was failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.harness import lab
from tests.harness.host_driver import STOP_RECOVERY, TIMERS
from tests.harness.load.predictions import predictions

HOSTS = ("inference-1", "inference-2", "inference-3")
CONFIG = "/etc/slipway/inference/service.json"
CUT = "pkill -f '[s]shd.*: admin'; true"


@pytest.fixture(autouse=True)
def loads() -> Iterator[None]:
    """A steady load on each front door."""
    with ExitStack() as stack:
        names = [f"{host}.slipway.test" for host in HOSTS]
        loads = [stack.enter_context(predictions(name, rate=20)) for name in names]
        for load in loads:
            load.wait_for(10)
        yield
        for load in loads:
            load.wait_for(len(load.samples) + 5)
    assert [load.failed for load in loads] == [[], [], []]


def on(host: str, *argv: str) -> str:
    return lab.good(lab.run("docker", "exec", f"slipway-lab-{host}", *argv)).out


def live() -> list[str]:
    # The status ends with another code while there are troubles.
    status = ("sh", "-c", "releasectl status --json || true")
    return [json.loads(on(host, *status))["live"]["release"]["version"] for host in HOSTS]


def histories() -> list[int]:
    return [len(json.loads(on(host, "releasectl", "history", "--json"))["releases"]) for host in HOSTS]


@contextmanager
def full(host: str) -> Iterator[None]:
    """No room for a release that is not there yet, by what its engine is told to keep free."""
    was = on(host, "cat", CONFIG).rstrip()
    wanted = json.dumps({**json.loads(was), "min_free_mb": 10**9})
    on(host, "sh", "-c", f"cat > {CONFIG} <<'EOF'\n{wanted}\nEOF")
    try:
        yield
    finally:
        on(host, "sh", "-c", f"cat > {CONFIG} <<'EOF'\n{was}\nEOF")


def deploy(version: str, *more: str) -> lab.Done:
    return lab.play("playbooks/deploy.yml", "-e", f"version={version}", *more)


def test_a_rollout_reaches_all_of_them() -> None:
    lab.good(lab.build("v2.3.0"))
    lab.good(deploy("v2.0.0"))
    assert live() == ["v2.0.0"] * 3


def test_the_first_one_fails_and_the_others_never_begin() -> None:
    before = histories()
    with full("inference-1"):
        assert deploy("v2.3.0").code != 0
    assert histories() == before
    assert live() == ["v2.0.0"] * 3


def test_one_of_the_others_fails_and_all_are_taken_back() -> None:
    with full("inference-2"):
        done = deploy("v2.3.0")
    assert done.code != 0
    assert "v2.3.0 did not go live on inference-2." in done.out
    assert "MB free on Docker's disk" in done.out
    assert live() == ["v2.0.0"] * 3
    last = json.loads(on("inference-1", "releasectl", "history", "--json"))["releases"][0]
    assert (last["kind"], last["reason"]) == ("rollback", "v2.3.0 did not go live on inference-2")


def test_the_rollout_of_a_converge_is_taken_back_too() -> None:
    with full("inference-2"):
        done = lab.play("site.yml", "--tags", "rollout", "-e", "version=v2.3.0")
    assert done.code != 0
    assert "v2.3.0 did not go live on inference-2." in done.out
    assert "MB free on Docker's disk" in done.out
    assert live() == ["v2.0.0"] * 3


TWO = ("--limit", "inference-1,inference-2")


@contextmanager
def without_ssh(host: str) -> Iterator[None]:
    """Nobody listens on its port, and connections that were open are gone."""
    on(host, "sh", "-c", f"systemctl stop ssh.socket ssh; {CUT}")
    try:
        yield
    finally:
        on(host, "systemctl", "start", "ssh")


def test_a_host_that_cannot_be_reached_takes_the_other_back() -> None:
    """Of two hosts, so that no host is left in its batch; then the first of them, so that nothing begins."""
    with without_ssh("inference-2"):
        done = deploy("v2.3.0", *TWO)
        assert done.code != 0
        assert "v2.3.0 did not go live on inference-2. inference-1 was rolled back to v2.0.0." in done.out
        assert lab.play("site.yml", *TWO, "--tags", "rollout", "-e", "version=v2.3.0").code != 0
    assert live() == ["v2.0.0"] * 3
    before = histories()
    with without_ssh("inference-1"):
        done = deploy("v2.3.0", *TWO)
        assert done.code != 0
        assert "v2.3.0 did not go live on inference-1, inference-2." in done.out
    assert histories() == before


def test_a_connection_that_is_lost_is_not_the_end_of_a_rollout() -> None:
    """Cut while the engine works; it goes on, and the run hears of it on another connection."""
    begun = "until [ -s /var/lib/slipway/inference/journal ]; do sleep 0.01; done"
    on("inference-2", "sh", "-c", f"({begun}; {CUT}; touch /run/was-cut) >/dev/null 2>&1 &")
    done = lab.good(deploy("v2.3.0", *TWO))
    on("inference-2", "rm", "/run/was-cut")
    assert done.recap["inference-2"]["changed"] == 1
    assert live() == ["v2.3.0", "v2.3.0", "v2.0.0"]
    lab.good(lab.play("playbooks/rollback.yml", *TWO))
    assert live() == ["v2.0.0"] * 3


def test_who_asks_for_it_keeps_what_went_live() -> None:
    # A new release: the one of the test before stands by, and needs no room.
    new = ("-e", json.dumps({"release_env": {"NEW": "yes"}}))
    with full("inference-2"):
        assert deploy("v2.3.0", *new, "-e", "deploy_undo=false").code != 0
        again = deploy("v2.3.0", *new)
    assert again.code != 0
    failed = [line.split()[0] for line in again.out.splitlines() if "failed=1" in line]
    assert failed == ["inference-2"], "the others had nothing to do, and have nothing to take back"
    assert live() == ["v2.3.0", "v2.0.0", "v2.3.0"]
    elsewhere = json.dumps({"release_front_door": {"name": "inference-2.slipway.test"}})
    proof = lab.play("playbooks/smoke_test.yml", "--limit", "inference-1", "-e", elsewhere)
    assert proof.code != 0, "another host's answer is no proof of this one"
    assert "the version: answer.version" in proof.out
    lab.good(deploy("v2.3.0", *new))
    assert live() == ["v2.3.0"] * 3


def test_fab_tells_the_worst_host_first_and_what_a_release_changes() -> None:
    on("inference-2", "sh", "-c", STOP_RECOVERY)
    try:
        told = lab.run(str(lab.BIN / "fab"), "status")
    finally:
        on("inference-2", "sh", "-c", f"systemctl start {TIMERS}")
    assert told.code == 1, told.out
    assert told.out.index("inference-2") < min(told.out.index("inference-1"), told.out.index("inference-3")), told.out
    assert "the recovery timer is not active: nothing is repaired. Fix on inference-2: sudo systemctl " in told.out
    assert lab.good(lab.run(str(lab.BIN / "fab"), "status")).out.count("  served  ") == len(HOSTS)
    releases = json.loads(on("inference-1", "releasectl", "history", "--json"))["releases"]
    old, new = (str(releases[it]["release"]["id"]) for it in (-1, 0))
    told = lab.good(lab.run(str(lab.BIN / "fab"), "diff", old, new, "--host", "inference-1"))
    assert "image" in told.out, told.out
