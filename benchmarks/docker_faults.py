"""
Docker killed, stopped, hung and restarted at random moments of rollouts and rollbacks under load:
SLIPWAY_LAB_HOST=inference-1 python -m benchmarks.docker_faults --rounds 100 [--fault kill]. Then a minute without
Docker at a high rate. Prints what was lost (nothing is the target) and how late the latest answer was; ends with 1
where a request failed or took longer than a second. It needs the converged lab host, whose service it leaves with
another live release. The load comes from one client, whose rate and connections the edge would limit: until the end
the limits are higher.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.client import Stream
from tests.harness.load.measure import Sample
from tests.harness.load.streams import Load

LATEST_S = 1.0
FAULTS = {
    "kill": "systemctl kill --signal KILL --kill-whom main docker",
    "restart": "systemctl restart docker",
    "stop": "systemctl stop docker.socket docker.service; sleep 3; systemctl start docker",
    "hang": "systemctl kill --signal STOP --kill-whom main docker; sleep 3;"
    " systemctl kill --signal CONT --kill-whom main docker",
    "containerd": "systemctl kill --signal KILL --kill-whom main containerd",
    "both": "systemctl kill --signal KILL --kill-whom main containerd docker",
}
LIMITS = {"edge_rate_limit_per_s": 100_000, "edge_rate_burst": 200_000, "edge_connections_per_client": 7_000}
# Three releases: with one live and one on standby, a rollback to the third has to make room.
RELEASES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--rate", type=float, default=80, help="requests per second during the rounds")
    parser.add_argument("--fault", choices=[*FAULTS, "any"], default="kill")
    parser.add_argument("--away", type=float, default=60, metavar="S", help="seconds without Docker; 0: none")
    parser.add_argument("--away-rate", type=float, default=500, help="requests per second without Docker")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with higher_limits(), no_recovery_timer():
        releases = prepare()
        good = True
        if given.rounds:
            good = rounds(given, releases) and good
        if given.away:
            good = away(given) and good
    return 0 if good else 1


@contextmanager
def higher_limits() -> Iterator[None]:
    words = ("site.yml", *lab.LIMIT, "--tags", "edge")
    lab.good(lab.play(*words, "-e", json.dumps(LIMITS)))
    try:
        yield
    finally:
        lab.good(lab.play(*words))


@contextmanager
def no_recovery_timer() -> Iterator[None]:
    """A recovery that holds the lock would refuse a rollout; each command recovers by itself."""
    host.shell(f"systemctl stop {host.TIMERS}")
    try:
        yield
    finally:
        host.shell(f"systemctl start {host.TIMERS} docker.socket docker.service")


def prepare() -> list[str]:
    """Ids of releases that the host can roll back to; they differ in their environment alone."""
    lab.good(lab.play("playbooks/deploy.yml", *lab.LIMIT, "-e", "version=v1.0.0"))
    image = lab.status()["live"]["release"]["image"]
    ids = []
    for _ in range(RELEASES):
        doc = host.request("v1.0.0", image=image, gates={**host.GATES, "golden": lab.GOLDEN})
        del doc["options"]
        ids.append(str(host.good(host.deploy(doc)).doc["release"]["id"]))
    return ids


def load(rate: float) -> Load:
    kinds = ((False, True, 0.4), (False, False, 0.1), (True, True, 0.4), (True, False, 0.1))
    streams = [Stream(f"{http2} {keep}", "open", keep, http2, rate * share) for http2, keep, share in kinds]
    golden = lab.GOLDEN[0]
    return Load(streams, lab.NAME, golden["path"], json.dumps(golden["body"]), str(lab.ROOTS))


def rounds(given: argparse.Namespace, releases: list[str]) -> bool:
    chance = random.Random(given.seed)
    ends: collections.Counter[str] = collections.Counter()
    began: list[tuple[float, str]] = []
    # Ctrl-C ends the rounds early; what was seen until then is told.
    with load(given.rate) as sent, suppress(KeyboardInterrupt):
        time.sleep(3)
        for number in range(given.rounds):
            fault = chance.choice([*FAULTS]) if given.fault == "any" else given.fault
            live = str(lab.state()["live"]["release"]["id"])
            target = chance.choice([it for it in releases if it != live])
            words = ("rollback", "--to", target)
            answers: list[host.Answer] = []
            thread = threading.Thread(target=lambda: answers.append(host.releasectl(*words)))  # noqa: B023
            thread.start()
            time.sleep(chance.uniform(0, 1.2))
            began.append((time.time(), f"round {number}: {fault} during {' '.join(words)}"))
            host.shell(FAULTS[fault], check=False)
            thread.join(180)
            answer = answers[0] if answers else host.Answer(-1, {"cause": "it did not end"}, "")
            ends[f"code {answer.code}"] += 1
            if answer.code:
                print(f"{number} {fault}: code {answer.code}: {answer.cause}", flush=True)
            lab.wait_until(lambda: bool(lab.on_host("docker", "ps", "--quiet", check=False)), "Docker answers")
            time.sleep(chance.uniform(0, 0.5))
        time.sleep(2)
    print(f"{len(began)} rounds, {given.fault}: rollouts ended with {dict(ends)}")
    return verdict(sent, began)


def away(given: argparse.Namespace) -> bool:
    with load(given.away_rate) as sent:
        time.sleep(2)
        began = [(time.time(), f"{given.away:g} s without Docker")]
        host.shell("systemctl stop docker.socket docker.service")
        time.sleep(given.away)
        host.shell("systemctl start docker.socket docker.service")
        began.append((time.time(), "Docker is back"))
        time.sleep(3)
    print(f"{given.away:g} s without Docker")
    return verdict(sent, began)


def verdict(sent: Load, began: list[tuple[float, str]]) -> bool:
    samples = sorted((it for stream in sent.samples.values() for it in stream), key=lambda it: it.at)
    failed = [it for it in samples if not it.ok]
    late = [it for it in samples if it.ok and it.seconds > LATEST_S]
    latest = max((it.seconds for it in samples if it.ok), default=0.0)
    counts = f"{len(samples)} requests, {len(failed)} failed, {len(late)} later than {LATEST_S:g} s"
    print(f"{counts}, the latest {latest:.3f} s")
    for sample in (*failed, *late)[:20]:
        print(f"  {described(sample)} ({around(sample, began)})")
    return not failed and not late


def described(sample: Sample) -> str:
    return f"{sample.status} {sample.error} after {sample.seconds:.3f} s"


def around(sample: Sample, began: list[tuple[float, str]]) -> str:
    before = [(at, what) for at, what in began if at <= sample.at + sample.seconds]
    return f"{sample.at - before[-1][0]:+.2f} s of {before[-1][1]}" if before else "before the first fault"


if __name__ == "__main__":
    sys.exit(main())
