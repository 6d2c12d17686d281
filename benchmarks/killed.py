"""The live container is killed under load, with and without a standby: what that costs the clients."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.on_host import Failed, OnHost
from benchmarks.page import s, table
from tests.harness.load.measure import Sample, between, summarize
from tests.harness.load.streams import SLOW

# Runs on the host: the status that a slot's readiness path answers.
READY = """
import sys, urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:%s/ready" % sys.argv[1], timeout=2).status)
except OSError as error:
    print(getattr(error, "code", 0))
"""
RATE = 80.0
UP_S = 60.0
# Until the next kill, so that what one costs is told from the next.
BETWEEN_S = 2.0


@dataclass(frozen=True)
class Killed:
    """`at`: right before the kill; `up`: the slot was ready again. Seconds since the epoch, of this machine's clock."""

    at: float
    up: float


def kill(host: OnHost, count: int, say: Callable[[str], None]) -> list[Killed]:
    """Kill what is live, so often, each time when it is ready. Raises Failed when it does not come back."""
    settings = host.run("cat", f"/etc/slipway/{host.target.service}/service.json")
    ports = {slot: int(port) for slot, port in json.loads(settings)["slots"].items()}
    found = []
    for number in range(count):
        slot = host.releasectl("status")["live"]["slot"]
        at = time.time()
        host.run("docker", "kill", "--signal", "KILL", f"{host.target.service}-{slot}")
        end = at + UP_S
        while not _ready(host, ports[slot]):
            if time.time() > end:
                raise Failed(f"{host.target.name}: slot {slot} is not ready {UP_S:g} s after it was killed")
        found.append(Killed(at, time.time()))
        say(f"kill {number + 1} of {count}: ready after {found[-1].up - at:.1f} s")
        time.sleep(BETWEEN_S)
    return found


def _ready(host: OnHost, port: int) -> bool:
    """The slot that was killed: it may be the standby by now, when it was rolled back."""
    return host.run("python3", "-c", READY, str(port)).strip() == "200"


def row(name: str, streams: Mapping[str, Sequence[Sample]], kills: Sequence[Killed], bar: bool) -> tuple[object, ...]:
    """`bar`: no request may fail. Of requests whose bodies take two seconds only failures count."""
    spans = [(it.at - 1, it.up + 1) for it in kills]
    samples = [sample for these in streams.values() for sample in these]
    quick = [sample for stream, these in streams.items() if stream != SLOW for sample in these]
    around = [between(samples, [span]) for span in spans]
    failed = [summarize(these).failed for these in around]
    during = summarize(between(quick, spans))
    whole = summarize(samples)
    verdict = ("0: yes" if whole.failed == 0 else "0: **no**") if bar else ""
    gaps = [gap(between(quick, [span])) for span in spans]
    return (
        name, len(kills), whole.count, whole.failed, max(failed, default=0), s(max(gaps, default=0.0)),
        f"{s(during.p99)} / {s(during.max)}", verdict,
    )  # fmt: skip


def gap(samples: Sequence[Sample]) -> float:
    """The longest time (s) in which no good answer came."""
    ends = sorted(it.at + it.seconds for it in samples if it.ok)
    return max((later - earlier for earlier, later in pairwise(ends)), default=0.0)


def page(rows: Sequence[tuple[object, ...]], rate: float) -> str:
    head = ("live container killed", "times", "requests", "failed", "most of one kill",
            "longest without a good answer (s)", "p99 / max around the kills (s)", "target")  # fmt: skip
    clients = f"{rate:.0f} requests/s (HTTP/1.1 and HTTP/2, kept and new connections)"
    return f"Under {clients}, killed each time it was ready:\n\n{table(head, rows)}"
