"""A host is gone with its disks: a new one takes over name, certificate and live release, by site.yml alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.harness import lab
from tests.harness.tls import served_certificate

# Of the inventory: v1.0.0.
LIVE = "v2.0.0"
# Three minutes are the target on an idle machine (docs/benchmarks.md). Here other tests may run beside it.
WITHIN_S = 420


@pytest.fixture(scope="module", autouse=True)
def beginning() -> None:
    lab.start(LIVE, recorded=LIVE)


def serial() -> int:
    return served_certificate(lab.NAME, str(lab.ROOTS)).serial_number


def rollouts() -> list[dict[str, Any]]:
    """Without the repairs of recovery, such as the routing of a new host, and without converges."""
    return [it for it in lab.history() if it["kind"] not in ("recovery", "converge")]


def test_a_new_host_takes_over() -> None:
    live, history, certificate = lab.state()["live"]["release"], rollouts(), serial()
    # The first may join a run of the timer, which may have read the records before the fixture's rollout.
    lab.on_host("systemctl", "start", "slipway-backup")
    lab.on_host("systemctl", "start", "slipway-backup")
    lab.remove_host()
    lab.good(lab.play("playbooks/lab/up.yml"))
    begin = time.monotonic()
    done = lab.good(lab.play("site.yml", *lab.LIMIT))
    seconds = time.monotonic() - begin
    assert f"{lab.URL}/predict answers" in done.out, "the smoke test is part of it"
    lab.predicts_right()
    assert serial() == certificate
    assert lab.state()["live"]["release"] == live
    assert rollouts() == history
    assert lab.on_host_code("test", "-e", "/var/lib/slipway/restored.json") == 1, "later runs roll out as usual"
    lab.wait_until(lambda: lab.status()["troubles"] == [], "all is well")
    print(f"restored in {seconds:.0f} s")
    assert seconds < WITHIN_S
