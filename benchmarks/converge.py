"""
Measure site.yml: python -m benchmarks.converge [--host NAME] [--hosts 4] without drift on one host and on several, and
with one drifted file on one host, in turns; writes docs/benchmarks.md. The lab runs and its hosts are deployed
(LAB_HOSTS=4 make deploy). --new also measures a new host: the container of --host is removed and provisioned again,
with everything on it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import page
from benchmarks.figures import verdict
from benchmarks.on_host import Failed
from benchmarks.stolen import Stolen
from benchmarks.timed import ROOT, section, timed
from tests.harness.load.measure import median

PAGE = ROOT / "docs" / "benchmarks.md"
ANSIBLE = str(Path(sys.executable).parent / "ansible-playbook")
# A file of the role with the most tasks, and the line that makes it drift.
DRIFTED = "/etc/sysctl.d/60-slipway.conf"
DRIFT = "# drift of the benchmark"

NO_DRIFT, SEVERAL, ONE_FILE = "no drift, one host", "no drift, {} hosts", "one file drifted"
NEW = "a new host (`playbooks/converge.yml`, no rollout)"
# Seconds; for several hosts, times of one host.
BARS = {NO_DRIFT: 6.0, ONE_FILE: 15.0, NEW: 63.0}
GROWTH_BAR = 1.6


@dataclass(frozen=True)
class Run:
    seconds: float
    tasks: int
    changed: int


def report(runs: Mapping[str, Sequence[Run]]) -> str:
    """A row for each kind of run. Several hosts are held against one by the ratio of each pair of neighbouring runs."""
    rows = []
    for name, found in runs.items():
        walls = [run.seconds for run in found]
        if name in BARS:
            bar = verdict(median(walls), BARS[name])
        else:
            ratio = median([run.seconds / one.seconds for run, one in zip(found, runs[NO_DRIFT], strict=True)])
            bar = f"{ratio:.2f} × of one: {verdict(ratio, GROWTH_BAR)}"
        changed = sorted({run.changed for run in found})
        cells = (f"{median(walls):.1f}", f"{max(walls):.1f}", found[0].tasks, ", ".join(map(str, changed)), bar)
        rows.append((name, len(found), *cells))
    return page.table(("`site.yml` with", "times", "median (s)", "most (s)", "tasks", "changed", "target (s)"), rows)


def command(*argv: str, hosts: int) -> tuple[float, str]:
    return timed(argv, environ={"LAB_HOSTS": str(hosts)} if hosts > 1 else None)


def site(limit: Sequence[str], hosts: int) -> Run:
    seconds, out = command(ANSIBLE, "site.yml", *limit, hosts=hosts)
    changed = sum(int(count) for count in re.findall(r"\bchanged=(\d+)", out))
    return Run(seconds, len(re.findall(r"^TASK \[", out, re.MULTILINE)), changed)


def expect(run: Run, changes: bool) -> Run:
    if bool(run.changed) != changes:
        raise Failed(f"site.yml made {run.changed} changes{'' if changes else '; converge the hosts first'}")
    return run


def measure(arguments: argparse.Namespace) -> dict[str, list[Run]]:
    one, hosts = ("--limit", arguments.host), arguments.hosts
    container = f"slipway-lab-{arguments.host}"
    runs: dict[str, list[Run]] = {}

    def add(name: str, run: Run) -> None:
        runs.setdefault(name, []).append(run)
        print(f"{datetime.now():%H:%M:%S}  {name}: {run.seconds:.1f} s, {run.changed} changed", flush=True)

    # The first run of a checkout may install its engine.
    site(one if hosts == 1 else (), hosts)
    for _ in range(arguments.repeats):
        add(NO_DRIFT, expect(site(one, hosts), changes=False))
        if hosts > 1:
            add(SEVERAL.format(hosts), expect(site((), hosts), changes=False))
        command("docker", "exec", container, "sh", "-c", f"echo '{DRIFT}' >> {DRIFTED}", hosts=hosts)
        add(ONE_FILE, expect(site(one, hosts), changes=True))
    for _ in range(arguments.repeats if arguments.new else 0):
        command("docker", "rm", "--force", "--volumes", container, hosts=hosts)
        command("docker", "volume", "rm", "--force", f"{container}-docker", hosts=hosts)
        command(ANSIBLE, "playbooks/lab/up.yml", hosts=hosts)
        words = ("playbooks/converge.yml", *one, "-e", "backup_restore=false")
        seconds, out = command(ANSIBLE, *words, hosts=hosts)
        add(NEW, Run(seconds, len(re.findall(r"^TASK \[", out, re.MULTILINE)), out.count("changed: [")))
        site(one, hosts)
    return runs


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.converge", description=__doc__)
    parser.add_argument("--host", default="inference-1", help="the host of the lab for runs on one host")
    parser.add_argument("--hosts", type=int, default=1, help="also measure this many hosts of the lab together")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--new", action="store_true", help="also measure a new host")
    parser.add_argument("--print", action="store_true", help="do not write docs/benchmarks.md")
    arguments = parser.parse_args(argv)
    try:
        with Stolen() as stolen:
            begin = time.time()
            content = report(measure(arguments))
            share = stolen.share(begin, time.time())
    except (Failed, subprocess.TimeoutExpired) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    words = " ".join(["python -m benchmarks.converge", *(sys.argv[1:] if argv is None else argv)])
    measured = section(words, share, content)
    print(measured, flush=True)
    if not arguments.print:
        page.write(PAGE, "converge", "Converge", measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
