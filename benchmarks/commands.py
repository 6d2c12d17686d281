"""
The committed benchmark: python -m benchmarks.commands [--host NAME] measures the lab and writes
docs/benchmarks.md; with --quick it does a little of everything and writes nothing. It needs the lab with v1.0.0 and
v2.0.0 built (make deploy; make build VERSION=v2.0.0), changes what is live on its host while it runs, and ends with
what was live before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import figures, killed, page
from benchmarks.on_host import Failed, OnHost, Rollout
from benchmarks.stolen import Stolen
from benchmarks.timed import section, timed
from tests.harness.load.client import Stream
from tests.harness.load.measure import NEAR_S, Sample
from tests.harness.load.streams import ROOT, Load, streams
from tools.inventory import Unknown, targets

BIN = Path(sys.executable).parent
PAGE = ROOT / "docs" / "benchmarks.md"
VERSIONS = ("v1.0.0", "v2.0.0")
# A closed loop falls short of its rate by what its answers take, so more are planned than are promised.
REQUESTS = int(200_000 * 1.1)
WARM_UP_S = 3.0
# A switch's surroundings must be over before the next rollout begins.
BETWEEN_S = 2.0


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int  # rollouts and rollbacks under load
    repeats: int  # of each command without load
    rest_s: float  # under load with nothing going on, before and again after the rounds; between them there is more
    requests: int  # at least, while the rounds last
    kills: int  # of the live container, with a standby, and as many without


FULL = Plan(rounds=30, repeats=5, rest_s=20, requests=REQUESTS, kills=20)
QUICK = Plan(rounds=4, repeats=1, rest_s=5, requests=0, kills=2)


@dataclass
class Bench:
    arguments: argparse.Namespace
    plan: Plan
    host: OnHost
    domain: str
    stolen: Stolen

    def say(self, text: str) -> None:
        # What is live has to be restored, also when nobody listens any more.
        with contextlib.suppress(OSError):
            print(f"{datetime.now():%H:%M:%S}  {text}", flush=True)

    def command(self, *argv: str, may_fail: bool = False) -> tuple[float, str]:
        return timed((str(BIN / argv[0]), *argv[1:]), may_fail=may_fail)

    def play(self, playbook: str, *words: str) -> tuple[float, str]:
        return self.command("ansible-playbook", playbook, "--limit", self.arguments.host, *words)

    def prepare(self) -> None:
        """Both versions recorded on the host, the first one live. Says which is missing when one was never built."""
        for version in reversed(VERSIONS):
            self.say(f"deploying {version}")
            self.play("playbooks/deploy.yml", "-e", f"version={version}")

    def restore(self, version: str) -> None:
        self.say(f"deploying {version} as the inventory has it")
        self.play("playbooks/deploy.yml", "-e", f"version={version}")

    # Commands, without load.

    def commands(self) -> str:
        found: dict[str, list[float]] = {name: [] for name in figures.COMMANDS}
        rollouts: list[Rollout] = []
        env = self.host.env()
        for number in range(self.plan.repeats):
            self.say(f"commands without load, {number + 1} of {self.plan.repeats}")
            old = self.host.live()["release"]
            self.host.end_standby()
            deployed = self.host.deploy(VERSIONS[1], env)
            by_hand = self.host.by_hand()
            back = self.host.rollback()
            fab, _ = self.command(
                "fab",
                "rollback",
                "--host",
                self.arguments.host,
                "--version",
                str(deployed.release_id),
                "--reason",
                "bench",
            )
            ansible, _ = self.play("playbooks/rollback.yml", "-e", f"version={old['id']}", "-e", "reason=bench")
            live = self.host.deploy_live()
            if live.outcome != "unchanged":
                raise Failed(f"a deploy of what is live ended as {live.outcome}")
            self.host.end_standby()
            deploy, _ = self.new_release(env, f"play {number}")
            again, _ = self.new_release(env, f"play {number}")
            over, _ = self.new_release(env, f"over {number}")
            self.play("playbooks/rollback.yml", "-e", f"version={old['id']}", "-e", "reason=bench")
            rollouts += [deployed, back]
            values = (deployed.total, by_hand, deployed.total - by_hand, back.moved, back.total, fab, ansible,
                      live.total, deploy, over, again)  # fmt: skip
            for name, value in zip(figures.COMMANDS, values, strict=True):
                found[name].append(value)
        return figures.commands(found, rollouts)

    def new_release(self, env: dict[str, str], mark: str) -> tuple[float, str]:
        extra = {"version": VERSIONS[1], "release_env": {**env, "SLIPWAY_BENCH": mark}}
        return self.play("playbooks/deploy.yml", "-e", json.dumps(extra))

    # The status, of one host and of all: what an operator waits for first.

    def status(self) -> str:
        hosts = len(targets("local", ""))
        found: dict[str, list[float]] = {name: [] for name in figures.status_rows(hosts)}
        for number in range(self.plan.repeats):
            self.say(f"status, {number + 1} of {self.plan.repeats}")
            # With troubles the command ends with another code.
            one, _ = self.command("fab", "status", "--host", self.arguments.host, may_fail=True)
            values = [self.host.timed("status"), self.host.timed("metrics"), one]
            values += [self.command("fab", "status", may_fail=True)[0]] if hosts > 1 else []
            for name, value in zip(found, values, strict=True):
                found[name].append(value)
        return figures.timings(found, figures.status_rows(hosts))

    # Rollouts, under load.

    def load(self) -> str:
        kinds = streams(self.arguments.rate)
        each_s = self.plan.requests / sum(it.rate for it in kinds) / self.plan.rounds
        rollouts: list[Rollout] = []
        rests: list[tuple[float, float]] = []
        env = self.host.env()
        with self.loaded(kinds) as load:
            time.sleep(WARM_UP_S)
            rests.append(self.rest(load))
            begin = time.time()
            for number in range(self.plan.rounds):
                rollouts.append(self.host.rollback() if number % 2 else self.host.deploy(VERSIONS[1], env))
                self.say(f"round {number + 1} of {self.plan.rounds}: {figures.one_line(rollouts[-1])}")
                if rollouts[-1].outcome != "live":
                    raise Failed(f"round {number + 1} ended as {rollouts[-1].outcome}")
                load.check()
                # Rest, too: the machine is not as fast at all times, so most of it is beside the switches.
                calm = time.time()
                time.sleep(max(BETWEEN_S, begin + (number + 1) * each_s - calm))
                # A rollback takes less time than the surroundings of its switch.
                rests.append((calm, time.time() - NEAR_S))
            rounds = (begin, time.time())
            rests.append(self.rest(load))
        samples: dict[str, list[Sample]] = load.samples
        return figures.load(samples, rollouts, rests, rounds, self.stolen.share)

    # The live container killed, under load.

    def failover(self) -> str:
        rows = []
        kinds = streams(killed.RATE / 2)
        for name, standby in (("with a standby", True), ("without one", False)):
            if not standby:
                self.host.end_standby()
            with self.loaded(kinds) as load:
                time.sleep(WARM_UP_S)
                kills = killed.kill(self.host, self.plan.kills, self.say)
                load.check()
            rows.append(killed.row(name, load.samples, kills, bar=standby))
        return killed.page(rows, sum(it.rate for it in kinds))

    def loaded(self, kinds: Sequence[Stream]) -> Load:
        golden = json.loads((ROOT / "app" / "golden.json").read_text())[0]
        return Load(kinds, self.domain, golden["path"], json.dumps(golden["body"]), str(self.arguments.ca_file))

    def rest(self, load: Load) -> tuple[float, float]:
        self.say(f"at rest for {self.plan.rest_s:g} s")
        begin = time.time()
        time.sleep(self.plan.rest_s)
        load.check()
        return begin, time.time()


def write(name: str, title: str, content: str, stolen: float) -> None:
    command = f"python -m benchmarks.commands {' '.join(sys.argv[1:])}".strip()
    page.write(PAGE, name, title, section(command, stolen, content))


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__)
    parser.add_argument("--host", default="inference-1", help="the host of the lab that is measured")
    parser.add_argument("--rate", type=float, default=220, help="requests per second of each loop, open and closed")
    parser.add_argument(
        "--quick", action="store_true", help="a few rounds, to see that it works; the page stays as it is"
    )
    parser.add_argument("--only", choices=["commands", "status", "load", "failover"], help="one section")
    parser.add_argument("--domain", help="the host's TLS name (HOST.slipway.test)")
    parser.add_argument(
        "--ca-file", type=Path, default=ROOT / ".lab" / "ca" / "acme-roots.pem", help="who certifies it"
    )
    return parser.parse_args(argv)


def measure(bench: Bench) -> None:
    """Every section that is asked for. Raises what its commands raise; what was live before is live again."""
    sections: dict[str, tuple[str, Callable[[], str]]] = {
        "commands": ("Commands, without load", bench.commands),
        "status": ("Status", bench.status),
        "load": ("Rollouts and rollbacks under load", bench.load),
        # Last: for a minute the status tells of the container that ended.
        "failover": ("The live container killed under load", bench.failover),
    }
    only = bench.arguments.only
    before = str(bench.host.live()["release"]["version"])
    bench.prepare()
    try:
        for name in [only] if only else sections:
            title, section = sections[name]
            begin = time.time()
            content = section()
            if not bench.arguments.quick:
                write(name, title, content, bench.stolen.share(begin, time.time()))
            print(content, flush=True)
    finally:
        bench.restore(before)


def main(argv: list[str] | None = None) -> int:
    arguments = read_arguments(argv)
    try:
        host = OnHost(targets("local", arguments.host)[0])
    except Unknown as trouble:
        print(f"{trouble}; start the lab first: make deploy", file=sys.stderr)
        return 2
    domain = arguments.domain or f"{arguments.host}.slipway.test"
    try:
        with contextlib.closing(host), Stolen() as stolen:
            measure(Bench(arguments, QUICK if arguments.quick else FULL, host, domain, stolen))
    except (Failed, RuntimeError, subprocess.TimeoutExpired) as trouble:
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    print("nothing written" if arguments.quick else f"written: {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
