# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What the host's engine does, told while it does it: a thread reads the host's event log over the connection that the
task keeps open anyway (ControlPersist). Telling is all it may do: where something is missing it stays silent, and the
task neither waits for it nor fails because of it.
"""

from __future__ import annotations

import json
import math
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

EVENTS = "/var/log/slipway/events.jsonl"
# tail tells at once (where it cannot be woken, as on overlayfs, it looks every 0.1 s) and costs the host nothing. It is
# ended when we are gone: then `cat` has read all there is.
COMMAND = f"date +%s.%N; tail -n 60 -s 0.1 -F {EVENTS} 2>/dev/null & cat >/dev/null; kill $!"
# What ends within this time (s) is told by its report: a deploy of what is live, a rollback to the standby. Who listens
# later hears what was before, too.
PATIENCE_S = 0.5
# Phases that take less are in the report at the end (s).
WORTH_TELLING_S = 0.1
# How often a phase that lasts is told of (s).
EVERY_S = 5.0
WAITS_FOR = {
    "lock": "another change to end",
    "pull": "the image",
    "start": "the container to run",
    "gate": "the candidate to be ready and to answer rightly",
    "switch": "the edge to send to the candidate",
    "drain": "requests in flight to end",
    "pre-deploy": "the hook to agree",
    "stop": "the old release to stop",
    "canary": "enough requests to judge the candidate by",
    "bake": "the release to prove itself",
    "standby": "the old slot to stop",
    "undo": "all to be as it was before",
}


@dataclass
class Teller:
    """Events → lines. Pure but for what it remembers."""

    service: str
    since: float
    """Events before this are of other rollouts (seconds since the epoch, of the host's clock)."""
    phase: str = ""
    began: float = 0.0
    told: float = 0.0

    def hear(self, line: bytes) -> str | None:
        try:
            event = json.loads(line)
            at = datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()
            phase, what, service = str(event["phase"]), event["event"], event["service"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if service != self.service or at < self.since:
            return None
        if what == "start":
            self.phase, self.began, self.told = phase, at, at
            return None
        if what == "watch":
            return f"canary: {event.get('percent')} % of the requests go to the candidate"
        if what == "step":
            return f"canary at {event.get('numbers')}"
        self.phase = ""
        seconds = float(event.get("seconds") or 0.0)
        if what == "failed":
            return f"{phase} failed after {seconds:.1f} s: {event.get('cause', '')}"
        if what == "done" and (seconds >= WORTH_TELLING_S or phase == "switch"):
            return f"{phase} {seconds:.2f} s ({at - self.since:.1f} s in all)"
        return None

    def wait(self, now: float) -> str | None:
        """The line for a phase that still lasts, now and then. `now`: of the host's clock."""
        if not self.phase or now - self.told < EVERY_S:
            return None
        self.told = now
        return f"{self.phase} … {now - self.began:.0f} s, waits for {WAITS_FOR.get(self.phase, 'its end')}"


@contextmanager
def follow(connection: Any, service: str, say: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, `say` hears a line per phase."""
    begin, over = time.monotonic(), threading.Event()
    try:
        argv, socket = _argv(connection)
    except Exception:
        # Another kind of connection, or another Ansible: the report at the end has it all.
        argv, socket = [], ""
    thread = threading.Thread(target=_follow, args=(argv, socket, service, say, begin, over), daemon=True)
    if argv:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if argv:
            thread.join(0.03)


def _argv(connection: Any) -> tuple[list[str], str]:
    """The command, and the socket of the connection that it waits for and then shares."""
    command = COMMAND
    if connection.become:
        command = connection.become.build_become_command(command, connection._shell)
    if connection.transport == "local":
        return ["sh", "-c", command], ""
    if connection.transport != "ssh" or connection.get_option("password"):
        return [], ""
    connection.host = connection.get_option("host")
    words = [os.fsdecode(it) for it in connection._build_command("ssh", "ssh", connection.host, command)]
    directory = os.path.expanduser(connection.get_option("control_path_dir"))
    if not connection.control_path:
        return [], ""
    # The first value of an option counts: this one never becomes the connection that others share.
    return [words[0], "-o", "ControlMaster=no", "-o", "BatchMode=yes", *words[1:]], connection.control_path % {
        "directory": directory
    }


def _follow(
    argv: list[str], socket: str, service: str, say: Callable[[str], None], begin: float, over: threading.Event
) -> None:
    if over.wait(PATIENCE_S):
        return
    while socket and not os.path.exists(socket):
        if over.wait(0.05):
            return
    try:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return
    try:
        _tell(process, service, say, begin, over)
    except Exception:
        return
    finally:
        process.kill()
        process.wait()


def _tell(
    process: subprocess.Popen[bytes], service: str, say: Callable[[str], None], begin: float, over: threading.Event
) -> None:
    if process.stdout is None:
        return
    out, rest, teller, ahead = process.stdout.fileno(), b"", None, 0.0
    while not over.is_set():
        said = []
        if select.select([out], [], [], 0.02)[0]:
            read = os.read(out, 65536)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                if teller is None:
                    ahead = _number(line) - time.monotonic()
                    teller = None if math.isnan(ahead) else Teller(service, begin + ahead)
                else:
                    said.append(teller.hear(line))
        if teller:
            said.append(teller.wait(time.monotonic() + ahead))
        for text in said:
            if text and not over.is_set():
                say(text)


def _number(line: bytes) -> float:
    try:
        return float(line)
    except ValueError:
        return float("nan")
