"""What the bench does on one host, over one connection that stays open: rollouts by the engine alone, and times."""

from __future__ import annotations

import io
import json
import os
import platform
import shlex
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fabfile import RELEASECTL
from tools.inventory import Target
from tools.ssh_access import connect

PHASES = ("lock", "recover", "preflight", "pull", "start", "gate", "switch", "drain", "record", "standby")
BY = "bench"
QUIET_S = 1.0

# Runs on the host: the image as the engine runs it, but by hand; prints the seconds from `docker run` to ready.
BY_HAND = """
import json, subprocess, sys, time, urllib.request
folder, port = sys.argv[1], 18999
with open(folder + "/release.json") as file:
    release = json.load(file)
options, ready = release["options"], release["gates"]["readiness_path"]
argv = ["docker", "run", "--detach", "--name", "slipway-bench", "--pull", "never", "--read-only", "--cap-drop", "ALL",
        "--no-healthcheck", "--user", options["user"], "--memory", options["memory"], "--cpus", options["cpus"],
        "--pids-limit", str(options["pids"]), "--publish", "127.0.0.1:%d:%d" % (port, options["container_port"]),
        "--env-file", folder + "/app.env", "--env-file", folder + "/secrets.env"]
for mount in options["tmpfs"]:
    argv += ["--tmpfs", mount]
subprocess.run(["docker", "rm", "--force", "slipway-bench"], capture_output=True)
begin = time.monotonic()
try:
    subprocess.run([*argv, release["release"]["image"]], check=True, stdout=subprocess.DEVNULL, timeout=60)
    while True:
        try:
            urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, ready), timeout=2).close()
            break
        except OSError:
            if time.monotonic() - begin > 60:
                sys.exit("not ready within 60 s")
            time.sleep(0.005)
    print(time.monotonic() - begin)
finally:
    subprocess.run(["docker", "rm", "--force", "slipway-bench"], capture_output=True)
"""


class Failed(Exception):
    """A command on the host did not do what the bench needs; the message has its words."""


@dataclass
class Rollout:
    """One rollout or rollback. Times in seconds; `switched` in seconds since the epoch, of this machine's clock."""

    kind: str  # deploy | rollback
    version: str
    release_id: int
    outcome: str
    total: float  # of the command, by the host's clock
    moved: float  # from the command's begin until the traffic went to the target
    switched: float
    phases: dict[str, float] = field(default_factory=dict)


@dataclass
class OnHost:
    target: Target

    def __post_init__(self) -> None:
        self.connection = connect(self.target)
        self.round = 0

    def run(self, *argv: str, stdin: str = "", codes: tuple[int, ...] = (0,)) -> str:
        # An empty stdin ends at once, so that nothing waits for it.
        done = self.connection.run(
            f"sudo -n {shlex.join(argv)}", hide=True, warn=True, in_stream=io.StringIO(stdin) if stdin else False,
            encoding="utf-8",
        )  # fmt: skip
        if done.return_code not in codes:
            raise Failed(f"{self.target.name}: {shlex.join(argv)[:200]}: exit {done.return_code}: "
                         f"{(done.stderr or done.stdout).strip()[-1500:]}")  # fmt: skip
        return str(done.stdout)

    def releasectl(self, *words: str, stdin: str = "") -> dict[str, Any]:
        # The status ends with another code while there are troubles, which its document names.
        codes = (0, 1, 2) if words[0] == "status" else (0,)
        text = self.run(RELEASECTL, "--service", self.target.service, *words, "--json", stdin=stdin, codes=codes)
        return dict(json.loads(text.strip().splitlines()[-1]))

    def timed(self, *words: str) -> float:
        """Seconds of a command of the engine, by the host's clock, whatever it ends with."""
        command = shlex.join([RELEASECTL, "--service", self.target.service, *words])
        text = self.run("sh", "-c", f"date +%s.%N; {command} > /dev/null; date +%s.%N")
        begin, end = map(float, text.split())
        return end - begin

    def clock_ahead(self) -> float:
        """How far the host's clock is ahead of ours (s), give or take half a round trip."""
        before = time.time()
        there = float(self.run("date", "+%s.%N"))
        return there - (before + time.time()) / 2

    def live(self) -> dict[str, Any]:
        found = self.releasectl("status")
        if found["live"] is None or found["troubles"]:
            raise Failed(f"{self.target.name} is not well: {found['troubles'] or 'nothing is live'}")
        return dict(found["live"])

    def end_standby(self) -> None:
        """As its time would have: the next rollout has a free slot, and need not stop what is in it first."""
        standby = self.releasectl("status")["standby"]
        if standby:
            self.run("systemctl", "stop", f"{self.target.service}@{standby['slot']}.service")
            self.releasectl("recover")

    def env(self) -> dict[str, str]:
        slot = self.live()["slot"]
        text = self.run("cat", f"/var/lib/slipway/{self.target.service}/slots/{slot}/app.env")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def deploy(self, version: str, env: dict[str, str]) -> Rollout:
        """A release that was not there before: the version with a variable of its own, from the image on the host."""
        self.round += 1
        variables = {**env, "SLIPWAY_BENCH": str(self.round)}
        request = {"version": version, "env": variables, "by": BY, "reason": f"round {self.round}"}
        return self._change("deploy", ["deploy", "--request", "-"], json.dumps(request))

    def rollback(self, to: str = "") -> Rollout:
        return self._change("rollback", ["rollback", *(["--to", to] if to else []), "--by", BY])

    def deploy_live(self) -> Rollout:
        """What is live already, as the host alone sees it."""
        return self._change("deploy", ["deploy", "--version", self.live()["release"]["version"], "--by", BY])

    def _change(self, kind: str, words: list[str], stdin: str = "") -> Rollout:
        # The host's clock before and after (the shell's own costs no process), and what the engine said. It has the
        # whole request before the clock begins: Fabric sends standard input a character every 10 ms.
        command = shlex.join([RELEASECTL, "--service", self.target.service, *words, "--json"])
        if stdin:
            command = f'printf %s "$request" | {command}'
        timed = f"echo $EPOCHREALTIME; {command}; code=$?; echo $EPOCHREALTIME; exit $code"
        script = f"request=$(cat); {timed}" if stdin else timed
        text = self.run("env", "LC_ALL=C", "bash", "-c", script, stdin=stdin)
        begin, *_, answer, end = text.strip().splitlines()
        result = json.loads(answer)
        # What this asks of the host has no place in the surroundings of the switch.
        time.sleep(QUIET_S)
        # `switched` needs the event: phases only say how long each took.
        switched = self._switched(float(begin)) if result["outcome"] == "live" else float(end)
        release = result["release"] or {}
        return Rollout(
            kind, str(release.get("version", "")), int(release.get("id", 0)), result["outcome"],
            float(end) - float(begin), switched - float(begin), switched - self.clock_ahead(),
            {it["name"]: it["seconds"] for it in result["phases"]},
        )  # fmt: skip

    def _switched(self, since: float) -> float:
        words = ("events", "-n", "60")
        for line in reversed(self.run(RELEASECTL, "--service", self.target.service, *words).splitlines()):
            event = json.loads(line)
            if (event["phase"], event["event"]) == ("switch", "done"):
                at = datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()
                if at >= since - 0.001:
                    return at
        raise Failed(f"{self.target.name}: no event says when the traffic moved")

    def by_hand(self) -> float:
        """Seconds from `docker run` of the live release, without the engine, until it is ready."""
        folder = f"/var/lib/slipway/{self.target.service}/slots/{self.live()['slot']}"
        return float(self.run("python3", "-c", BY_HAND, folder))

    def close(self) -> None:
        self.connection.close()


def machine() -> str:
    """Cores, memory, kernel: what the figures depend on."""
    memory = int(next(line for line in Path("/proc/meminfo").read_text().splitlines()).split()[1]) / 1024 / 1024
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, Linux {platform.release()}, {platform.machine()}"
