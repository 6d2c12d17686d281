"""
Compare two commits in one run: python -m benchmarks.compare OTHER [--hosts 6] [--repeats 8] [--only new]

OTHER is another checkout, with its virtual environment, whose .lab is a link to this one's. The lab has just been
started (LAB_HOSTS=6 make infra-local) and has v2.0.0 (make build VERSION=v2.0.0): this checkout converges the first of
each two new hosts, OTHER the second. Then day-2 commands run on the first two hosts, in turns. A ratio is the median of
those of neighbouring runs. Writes docs/benchmarks.md; with --only new or commands, that part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks import page
from benchmarks.figures import verdict
from benchmarks.on_host import Failed
from benchmarks.stolen import Stolen
from benchmarks.timed import ROOT, section, timed
from tests.harness.load.measure import median

PAGE = ROOT / "docs" / "benchmarks.md"
VERSION = "v2.0.0"
NEW_HOST = "converge of a new host"
DEPLOY = "`playbooks/deploy.yml`"
# A deploy needs a new release each time: NUMBER is in its environment.
COMMANDS = {
    "`fab rollback`": ("fab", "rollback", "--host", "HOST"),
    "`playbooks/rollback.yml`": ("ansible-playbook", "playbooks/rollback.yml", "--limit", "HOST"),
    DEPLOY: (
        "ansible-playbook", "playbooks/deploy.yml", "--limit", "HOST",
        "-e", json.dumps({"version": VERSION, "release_env": {"SLIPWAY_BENCH": "NUMBER"}}),
    ),
    "`site.yml`, no drift": ("ansible-playbook", "site.yml", "--limit", "HOST"),
}  # fmt: skip
# Ratios.
BARS = {NEW_HOST: 1.0, "`fab rollback`": 1.1, "`playbooks/rollback.yml`": 1.1}
# The release before can be gone back to once.
ROUND = (DEPLOY, "`fab rollback`", DEPLOY, "`playbooks/rollback.yml`", "`site.yml`, no drift")


@dataclass
class Comparison:
    other: Path
    hosts: int
    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """What was run → (of this checkout, of the other one)."""

    def run(self, checkout: Path, argv: tuple[str, ...]) -> float:
        program = str(checkout / ".venv" / "bin" / argv[0])
        return timed((program, *argv[1:]), cwd=checkout, environ={"LAB_HOSTS": str(self.hosts)})[0]

    def pair(self, name: str, ours: tuple[str, ...], others: tuple[str, ...], swap: bool = False) -> None:
        turns: list[tuple[Path, tuple[str, ...]]] = [(ROOT, ours), (self.other, others)]
        found = [self.run(*it) for it in (reversed(turns) if swap else turns)]
        here, there = reversed(found) if swap else found
        self.seconds.setdefault(name, []).append((here, there))
        print(f"{datetime.now():%H:%M:%S}  {name}: {here:.2f} s, the other {there:.2f} s", flush=True)

    def pairs(self) -> Iterator[tuple[str, str]]:
        for number in range(1, self.hosts, 2):
            yield f"inference-{number}", f"inference-{number + 1}"

    def new_hosts(self) -> None:
        converge = ("ansible-playbook", "playbooks/converge.yml", "-e", "backup_restore=false", "--limit")
        for at, (ours, others) in enumerate(self.pairs()):
            self.pair(NEW_HOST, (*converge, ours), (*converge, others), swap=at % 2 == 1)

    def commands(self, repeats: int) -> None:
        ours, others = next(self.pairs())
        for checkout, host in ((ROOT, ours), (self.other, others)):
            self.run(checkout, ("ansible-playbook", "site.yml", "--limit", host))
        # Not those of an earlier run.
        number = int(time.time())
        for turn in range(repeats):
            for name in ROUND:
                number += 1
                here, there = (_words(name, host, str(number)) for host in (ours, others))
                self.pair(name, here, there, swap=turn % 2 == 1)


def _words(name: str, host: str, number: str) -> tuple[str, ...]:
    return tuple(it.replace("HOST", host).replace("NUMBER", number) for it in COMMANDS[name])


def report(seconds: dict[str, list[tuple[float, float]]]) -> str:
    rows = []
    for name, found in seconds.items():
        here, there = (median([it[at] for it in found]) for at in (0, 1))
        ratio = median([ours / others for ours, others in found])
        rows.append((name, len(found), f"{here:.2f}", f"{there:.2f}", f"{ratio:.2f}", verdict(ratio, BARS.get(name))))
    return page.table(("what", "pairs", "this commit (s)", "the other (s)", "ratio", "target"), rows)


def write(name: str, comparison: Comparison, arguments: argparse.Namespace, share: float) -> None:
    of = ("git", "-C", str(comparison.other), "rev-parse", "--short", "HEAD")
    commit = subprocess.run(of, capture_output=True, text=True, check=True).stdout.strip()
    options = f"--hosts {arguments.hosts} --repeats {arguments.repeats} --only {name}"
    content = f"OTHER is {commit}.\n\n{report(comparison.seconds)}"
    command = f"python -m benchmarks.compare OTHER {options}"
    page.write(PAGE, f"compare-{name}", f"Two commits in turns: {name}", section(command, share, content))
    print(content)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--hosts", type=int, default=6, help="new hosts of the lab, an even number")
    parser.add_argument("--repeats", type=int, default=8, help="rounds of day-2 commands")
    parser.add_argument("--only", choices=["new", "commands"], help="one part")
    arguments = parser.parse_args(argv)
    comparison = Comparison(arguments.other.resolve(), arguments.hosts)
    parts: dict[str, Callable[[], None]] = {
        "new": comparison.new_hosts,
        "commands": lambda: comparison.commands(arguments.repeats),
    }
    try:
        for name in [arguments.only] if arguments.only else parts:
            comparison.seconds.clear()
            with Stolen() as stolen:
                begin = time.time()
                parts[name]()
                share = stolen.share(begin, time.time())
            write(name, comparison, arguments, share)
    except (Failed, subprocess.TimeoutExpired) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
