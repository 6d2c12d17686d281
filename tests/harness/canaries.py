"""A quick canary on the host under test, and how far it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness import host_driver as host
from tests.harness import lab

FIRST, SECOND = 30, 60


# A few requests are evidence here, and the machine's hiccups are none.
QUICK = {"steps": [FIRST, SECOND], "step_s": 0.3, "min_requests": 1, "wait_s": 8, "max_latency_ratio": 1000}


def canary(version: str, **changed: Any) -> dict[str, Any]:
    by = changed.pop("by", "alice")
    return host.request(version, by=by, canary={**QUICK, **changed})


def shown() -> dict[str, Any]:
    """What `status` shows of the canary; empty: none runs."""
    return dict(lab.status()["canary"] or {})


def until_ended() -> None:
    lab.wait_until(lambda: lab.status()["changing"] is None, "the engine has ended")


def wait_shown(percent: int, *states: str) -> None:
    def there() -> bool:
        now = shown()
        return now.get("percent") == percent and (not states or now["state"] in states)

    lab.wait_until(there, f"the canary is at {percent} %")


@contextmanager
def running(doc: dict[str, Any], percent: int, *states: str) -> Iterator[list[host.Answer]]:
    """A canary that has come to a step (and one of these states); its engine's answer is in the list afterwards."""
    answers: list[host.Answer] = []
    thread = threading.Thread(target=lambda: answers.append(host.deploy(doc)), daemon=True)
    thread.start()
    try:
        wait_shown(percent, *states)
        yield answers
    finally:
        host.releasectl("canary", "abort")
        thread.join(60)
