"""A disk that fills up, really: a small file system under the engine's records, and under Docker's downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.canaries import QUICK
from tests.harness.load.steady import SteadyLoad

BALLAST = frozenset({"ballast"})
FILL = f"dd if=/dev/zero of={host.HOME}/ballast bs=4k 2>/dev/null"
WITHOUT_RESERVE = f"rm -f {host.HOME}/reserve; {FILL}"
# The last block of the history may have room for one more line: filled with empty ones, which nobody reads.
NO_SLACK = f"""f={host.HOME}/history.jsonl; n=$(( (4096 - $(stat -c %s $f) % 4096) % 4096 ))
    head -c $n /dev/zero | tr '\\0' '\\n' >> $f"""
NEVER_HERE = "v8.1.0"


@contextmanager
def small_disk() -> Iterator[None]:
    """The engine's records on 4 MB of their own; what they became is taken back to where they were."""
    host.shell(f"""set -e
        mkdir -p /run/small && mount -t tmpfs -o size=4m,mode=755 small /run/small
        cp -a {host.HOME}/. /run/small/ && mount --bind /run/small {host.HOME}""")
    try:
        yield
    finally:
        host.shell(f"""set -e
            rm -f /run/small/ballast; umount {host.HOME}
            find {host.HOME} -mindepth 1 -delete && cp -a /run/small/. {host.HOME}/
            umount /run/small && rmdir /run/small""")


def free() -> None:
    host.shell(f"rm -f {host.HOME}/ballast")


def test_the_reserve_is_enough_for_a_deploy(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    with small_disk():
        host.good(host.deploy_at("pull", FILL, host.request(wanted)))
        assert host.live() == wanted
        refused = host.deploy(host.request(host.other(wanted)))
        assert refused.code == 8, "without the reserve nothing is begun"
        assert "No space left on device" in refused.cause
        assert "Free space" in refused.doc["hint"]
        free()
        host.recovered()
    assert host.live() == wanted


@pytest.mark.parametrize(
    "place",
    [
        "start/WriteRelease", "gate/AwaitPath", "canary/SetSplit#2", "switch/WriteMap", "record/SaveState",
        "record/AppendHistory",
    ],
)  # fmt: skip
def test_full_to_the_last_byte(load: SteadyLoad, place: str) -> None:
    """No reserve either: undone, or left for recovery, which ends it once there is room."""
    before, entries = host.live(), len(host.look()["history"])
    wanted = host.other(before)
    how: dict[str, Any] = {"canary": QUICK} if place.startswith("canary") else {}
    with small_disk():
        host.shell(NO_SLACK)
        answer = host.deploy_at(place, WITHOUT_RESERVE, host.request(wanted, **how))
        assert answer.code == 8, answer
        assert "No space left on device" in answer.cause
        free()
        seen = host.recovered(entries + 1)
        last = seen["history"][-1]
        # Whether marks, and that of the undo, still fit into the journal's last block depends on its
        # length. Recovery finishes what came to its switch and was not marked as undone.
        forward = place.startswith(("canary", "switch")) and last["recovered"] and last["outcome"] == "live"
        assert forward or last["outcome"] == "failed"
        assert forward or "No space left" in last["cause"] or last["recovered"]
        assert host.live() == (wanted if forward else before)


def test_full_before_a_rollout(load: SteadyLoad) -> None:
    """Docker's disk has less than min_free_mb: nothing is begun, and a rollback to the standby needs no room."""
    host.good(host.deploy(host.request(host.other(host.live()))))
    before, entries = host.live(), len(host.look()["history"])
    with host.configured(min_free_mb=10**9):
        answer = host.deploy(host.request(host.other(before)))
        assert answer.code == 8
        assert "MB free on Docker's disk" in answer.cause
        assert "MB free on Docker's disk" in str(host.look()["status"]["troubles"])
    host.well(entries)
    with host.configured(min_free_mb=10**9):
        host.good(host.releasectl("rollback", "--to", host.other(before)))
    host.well()


@pytest.mark.usefixtures("services")
def test_full_while_it_pulls(load: SteadyLoad) -> None:
    """Docker's folder for downloads has no byte left."""
    lab.good(lab.build_faulty(NEVER_HERE, "plain"))
    before, entries = host.live(), len(host.look()["history"])
    tmp = "/var/lib/docker/tmp"
    host.shell(f"mount -t tmpfs -o size=4k tiny {tmp} && (dd if=/dev/zero of={tmp}/ballast bs=4k 2>/dev/null || true)")
    try:
        done = lab.deploy(NEVER_HERE, "--limit", lab.HOST)
    finally:
        host.shell(f"umount {tmp}")
    assert done.code != 0
    assert "no space left on the disk" in done.out
    seen = host.well(entries + 1)
    assert seen["history"][-1]["outcome"] == "failed"
    assert host.live() == before
