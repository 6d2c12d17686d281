"""The harness sees what is lost: with the drain switched off it must, with the drain on it must not."""

from __future__ import annotations

import time

from tests.harness import host_driver as host
from tests.harness.load.predictions import predictions


def slow_release_replaced(drain_timeout_s: int) -> int:
    """How many requests failed when a release that takes 1.5 s for each was replaced, and stopped at once."""
    with host.configured(standby_s=0, drain_timeout_s=drain_timeout_s):
        # Without a standby: it would answer what was in flight to the one that is stopped.
        host.good(host.deploy(host.request(host.other(host.live()), "sluggish")))
        with predictions(**host.LOAD) as load:
            load.wait_for(4)
            host.good(host.deploy(host.request(host.other(host.live()))))
            end = time.monotonic()
            load.wait_for(20, what=lambda sample: sample.ok and sample.at > end)
    assert [sample for sample in load.failed if sample.at > end] == []
    host.well()
    return len(load.failed)


def test_without_a_drain_requests_are_lost_and_seen() -> None:
    assert slow_release_replaced(0) > 0


def test_with_the_drain_the_same_loses_nothing() -> None:
    assert slow_release_replaced(8) == 0
