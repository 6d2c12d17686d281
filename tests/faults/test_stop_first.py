"""One release at a time: whatever breaks on the way, the old one is back or the new one is live, by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import host_driver as host
from tests.harness.killed_engine import killed_everywhere
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad

# Where it differs from a rollout beside the live release.
PHASES = ("stop", "start", "gate", "switch", "record")


@pytest.fixture
def only_maintenance() -> Iterator[SteadyLoad]:
    """A steady load that is answered all the while: by a release, or by the maintenance page."""
    with predictions(**host.LOAD) as load:
        load.wait_for(10)
        yield load
        load.wait_for(len(load.samples) + 10, what=lambda sample: True)
    assert [sample for sample in load.failed if sample.status != 503] == []


def stop_first(version: str, fault: str = "plain") -> dict[str, object]:
    return host.request(version, fault, strategy="stop_first")


def test_an_engine_that_is_killed_at_any_step(only_maintenance: SteadyLoad) -> None:
    # Nothing stands by: neither before nor, as it never does after a stop_first, on the way.
    host.good(host.deploy(stop_first(host.other(host.live()))))
    way = host.places(stop_first(host.other(host.live())), "deploy")
    steps = [place for place in way if place.startswith(PHASES)]
    assert {"stop/StopUnit", "start/StartUnit", "switch/SetMap"} <= set(steps)

    def command(place: str, to: str) -> host.Answer:
        return host.deploy_at(place, "kill", stop_first(to))

    fates = killed_everywhere(steps, "deploy", command, ways_back=False)
    undone = {place for place in fates if place.startswith(("stop", "start", "gate"))}
    assert {place: fate for place, fate in fates.items() if (fate == "failed") != (place in undone)} == {}


def test_a_candidate_that_does_not_start(only_maintenance: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    answer = host.deploy(stop_first(host.other(before), "exits"))
    assert answer.code == 3, answer
    assert "exited with code 1" in answer.cause
    host.well(entries + 1)
    assert host.live() == before


def test_a_signal_in_the_middle(only_maintenance: SteadyLoad) -> None:
    for place in ("stop/Drain", "start/StartUnit"):
        before, entries = host.live(), len(host.look()["history"])
        answer = host.deploy_at(place, "kill -INT $PPID", stop_first(host.other(before)))
        assert answer.code == 3, answer
        host.well(entries + 1)
        assert host.live() == before


def test_what_does_not_fit_twice_is_told_to_stop_first(only_maintenance: SteadyLoad) -> None:
    """Room for one release of 64 MB, and not for two."""
    before, entries = host.live(), len(host.look()["history"])
    wanted = host.other(before)
    total = int(host.shell("awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo"))
    with host.configured(memory_reserve_mb=total - 100):
        refused = host.deploy(host.request(wanted))
        assert refused.code == 8, refused
        room = f"available to releases 100 MB ({total} MB minus the reserve of {total - 100} MB)"
        assert f"limits 64 MB + 64 MB, {room}" in refused.cause
        assert "--strategy stop_first" in refused.doc["hint"]
        host.well(entries)
        assert only_maintenance.failed == []
        host.good(host.deploy(stop_first(wanted)))
        rollback = host.good(host.releasectl("rollback"))
        assert "The old release stops before the new one starts." in " ".join(rollback.doc["warnings"])
    host.well(entries + 2)
    assert host.live() == before


@pytest.fixture
def gpu() -> Iterator[None]:
    """The lab has none: its driver's tool tells of one with 16 GB."""
    tool = "/usr/local/bin/nvidia-smi"
    host.shell(f"printf '#!/bin/sh\\necho 16384, 16000\\n' > {tool}; chmod +x {tool}")
    yield
    host.shell(f"rm {tool}")


def test_what_does_not_fit_twice_on_the_gpu(only_maintenance: SteadyLoad, gpu: None) -> None:
    takes = {**host.OPTIONS, "gpu_memory": "10g"}
    wanted = [host.other(host.live()), host.live()]
    host.good(host.deploy(host.request(wanted[0], options=takes)))
    refused = host.deploy(host.request(wanted[1], options=takes))
    assert refused.code == 8, refused
    assert "limits 10240 MB + 10240 MB, available to releases 16384 MB" in refused.cause
    assert only_maintenance.failed == []
    host.good(host.deploy(host.request(wanted[1], strategy="stop_first", options=takes)))
    assert host.live() == wanted[1]


def test_gpu_memory_on_a_host_without_a_gpu(only_maintenance: SteadyLoad) -> None:
    entries = len(host.look()["history"])
    refused = host.deploy(host.request(host.other(host.live()), options={**host.OPTIONS, "gpu_memory": "1g"}))
    assert (refused.code, "nvidia-smi is not installed" in refused.cause) == (8, True), refused
    host.well(entries)
