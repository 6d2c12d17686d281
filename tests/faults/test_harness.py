"""The harness sees what is lost: with the drain switched off it must, with the drain on it must not."""

from __future__ import annotations

from tests.faults import host
from tests.faults.conftest import steady


def slow_release_replaced(drain_timeout_s: int) -> int:
    """How many requests failed when a release that takes 1.5 s for each was replaced, and stopped at once."""
    host.good(host.deploy(host.request(host.other(host.live()), "sluggish")))
    host.configure(standby_s=0, drain_timeout_s=drain_timeout_s)
    with steady() as load:
        load.wait_for(4)
        host.good(host.deploy(host.request(host.other(host.live()))))
        load.wait_for(len(load.samples) + 20, what=lambda sample: True)
        assert all(sample.ok for sample in load.samples[-10:])
    host.configure(standby_s=900, drain_timeout_s=8)
    host.well()
    return len(load.failed)


def test_without_a_drain_requests_are_lost_and_seen() -> None:
    assert slow_release_replaced(0) > 0


def test_with_the_drain_the_same_loses_nothing() -> None:
    assert slow_release_replaced(8) == 0
