"""Overload of the service in app/: four times what it can do, for a while.

The load is batches of 100 rows, as these cost the service itself the most; wrk's connections pause between requests for
as long as short trials show that four times the capacity needs. How many they asked for is measured, too. Beside it a
few connections of our own ask at a gentle pace and note every answer: what they see is what a client sees. First with
the service just busy (its capacity, 16 connections), then overloaded, then with nothing else.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.app_servers import API_KEY, Server

FACTOR = 4
# What a run asks for differs a little from what its trial did.
NEAR_FACTOR = 0.9 * FACTOR
PROBES = 4
# With the probes as many batches of 100 as may wait (MAX_QUEUE_ROWS): as busy as can be without being refused.
BUSY_CONNECTIONS = 16 - PROBES
LOAD_CONNECTIONS = (128, 256, 512)
TRIAL_S = 3
TRIALS = 3
PROBE_PAUSE_S = 0.02
NORMAL_S = 10
RECOVERY_S = 2
# Warmed up, the service may grow by this much under overload before we call its memory unbounded.
GROWTH_MB = 10


@dataclass
class Seen:
    """Answers that the probes got: seconds of the accepted and of the refused, and what was neither."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def p99_ms(self, seconds: list[float]) -> float:
        return statistics.quantiles(seconds, n=100)[98] * 1000 if len(seconds) > 1 else 0.0


def _probe(port: int, body: bytes, until: float, seen: Seen) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"content-type": "application/json", "x-api-key": API_KEY}
    while time.monotonic() < until:
        started = time.perf_counter()
        try:
            connection.request("POST", "/predict", body, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            seen.wrong.append(repr(error))
            connection.close()
            continue
        seconds = time.perf_counter() - started
        if response.status == 200:
            seen.accepted.append(seconds)
        elif response.status == 503 and response.headers["retry-after"]:
            seen.refused.append(seconds)
        else:
            seen.wrong.append(str(response.status))
        time.sleep(PROBE_PAUSE_S)


def _watch(port: int, body: bytes, seconds: float) -> Seen:
    seen = Seen()
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=_probe, args=(port, body, until, seen)) for _ in range(PROBES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _load(server: Server, script: Path, connections: int, seconds: int, core: int) -> subprocess.Popen[str]:
    url = f"http://127.0.0.1:{server.port}/predict"
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    return subprocess.Popen(["taskset", "--cpu-list", str(core), "wrk", *options], stdout=subprocess.PIPE, text=True)


def _requests_per_s(load: subprocess.Popen[str]) -> float:
    """Answered ones, refusals too."""
    text = load.communicate(timeout=120)[0]
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not found:
        raise RuntimeError(f"wrk said nothing useful:\n{text}")
    return float(found[1])


def _paced(script: Path, pause_ms: float) -> Path:
    paced = script.with_name("overload.lua")
    paced.write_text(f"{script.read_text()}function delay() return {pause_ms:.0f} end\n")
    return paced


def _pace(server: Server, script: Path, wanted: float, core: int) -> tuple[int, float]:
    """Connections, and the pause of each between two requests (ms), that ask for `wanted` requests a second."""
    for connections in LOAD_CONNECTIONS:
        pause_ms = each_ms = connections / wanted * 1000
        for _ in range(TRIALS):
            asked = _requests_per_s(_load(server, _paced(script, pause_ms), connections, TRIAL_S, core))
            if asked >= NEAR_FACTOR / FACTOR * wanted:
                return connections, pause_ms
            # What is left of each one's turn when the answer is there.
            pause_ms -= connections / asked * 1000 - each_ms
            if pause_ms < 0:
                break
    return LOAD_CONNECTIONS[-1], 0.0


def overload(
    server: Server, script: Path, rows: list[list[float]], seconds: int, core: int
) -> list[tuple[str, float, float, bool]]:
    """Targets as (text, value, wanted, at least); script: wrk's, posting `rows`."""
    body = json.dumps({"instances": rows}).encode()
    load = _load(server, script, BUSY_CONNECTIONS, NORMAL_S + 1, core)
    time.sleep(0.5)
    normal = _watch(server.port, body, NORMAL_S - 0.5)
    if normal.refused or normal.wrong:
        raise RuntimeError(f"{len(normal.refused)} refused, {normal.wrong[:3]}: what was measured is not the capacity")
    capacity = _requests_per_s(load) + len(normal.accepted) / NORMAL_S
    memory_mb = server.rss_mb()

    connections, pause_ms = _pace(server, script, FACTOR * capacity, core)
    load = _load(server, _paced(script, pause_ms), connections, seconds + 1, core)
    time.sleep(0.5)
    under = _watch(server.port, body, seconds - 0.5)
    probed = len(under.accepted) + len(under.refused) + len(under.wrong)
    offered = _requests_per_s(load) + probed / seconds
    grown_mb = server.rss_mb() - memory_mb
    after = _watch(server.port, body, RECOVERY_S)

    normal_p99, under_p99 = normal.p99_ms(normal.accepted), under.p99_ms(under.accepted)
    print(
        f"\nOverload: capacity {capacity:,.0f} batches/s, under overload {offered:,.0f}/s asked for and answered, "
        f"mostly by {connections} connections; of the probes "
        f"{len(under.accepted)} accepted (p99 {under_p99:.1f} ms, before {normal_p99:.1f} ms), "
        f"{len(under.refused)} refused (p99 {under.p99_ms(under.refused):.1f} ms), "
        f"memory +{grown_mb:.1f} MB"
    )
    return [
        ("overload: asked for, × the capacity", offered / capacity, NEAR_FACTOR, True),
        ("overload: p99 of the accepted, × normal", under_p99 / normal_p99, 3, False),
        ("overload: answers neither 200 nor 503", len(under.wrong), 0, False),
        ("overload: refusals seen", len(under.refused), 1, True),
        ("overload: memory grown, MB", grown_mb, GROWTH_MB, False),
        ("overload: refused or wrong afterwards", len(after.refused) + len(after.wrong), 0, False),
    ]
