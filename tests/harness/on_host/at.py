"""
Run the installed engine, as it is, and have something happen at a place of its way. On a lab host, by root:

    python3 - PLACE ACTION REQUEST deploy --json < at.py

PLACE   `switch` (a phase, right after its start was told), `switch/SetMap` (after the journal said that it is about to
        be done, at its first call to the outside), `switch/SetMap/after` (after the journal said that it is done);
        `canary/SetSplit#2` is the second one of that name
ACTION  `kill` (SIGKILL to the engine), or a shell command that is run to its end, or `tell`: nothing happens, and all
        the places on the way are told in the last line of stderr
REQUEST the engine's request, or `-`

Nothing of the engine is replaced: Python tells an audit hook (PEP 578) of every file, connection and process before it
is opened, and the hook reads in the journal and the event log where the engine is.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

ENGINE = "/usr/local/bin/releasectl"
JOURNAL = "/var/lib/slipway/inference/journal"
EVENTS = "/var/log/slipway/events.jsonl"
CALLS = ("open", "os.rename", "os.remove", "os.listdir", "os.symlink", "socket.connect", "subprocess.Popen")


def last_line(path: str, after: int = 0) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            file.seek(max(after, os.fstat(file.fileno()).st_size - 4096))
            return dict(json.loads(file.read().rstrip(b"\n").rpartition(b"\n")[2]))
    except (OSError, ValueError):
        return {}


def times(mark: dict[str, Any]) -> str:
    """`#2` for the second mark that says this, and so on; the first one needs no number."""
    said = [mark[key] for key in ("phase", "effect", "mark")]
    with open(JOURNAL) as file:
        marks = [json.loads(line) for line in file.readlines()[1:] if line.endswith("\n")]
    count = sum([it["phase"], it["effect"], it["mark"]] == said for it in marks)
    return f"#{count}" if count > 1 else ""


class Watch:
    def __init__(self, place: str, action: str) -> None:
        self.place, self.action = place, action
        self.begin = os.path.getsize(EVENTS) if os.path.exists(EVENTS) else 0
        self.seen: list[str] = []
        self.busy = False
        self.pid = os.getpid()
        self.thread = threading.get_ident()

    def here(self) -> Iterator[str]:
        event = last_line(EVENTS, self.begin)
        if event.get("event") == "start":
            yield event["phase"]
        mark = last_line(JOURNAL)
        if mark.get("mark") == "undo":
            yield "undo/journaled"
        if mark.get("mark") in ("before", "after"):
            yield f"{mark['phase']}/{mark['effect']}{times(mark)}" + ("/after" if mark["mark"] == "after" else "")

    def __call__(self, call: str, _arguments: object) -> None:
        if self.busy or call not in CALLS or threading.get_ident() != self.thread or os.getpid() != self.pid:
            return
        self.busy = True
        for place in self.here():
            if place not in self.seen:
                self.seen.append(place)
                if self.action == "tell":
                    # Each time: the engine ends without a moment for others.
                    print("\n" + json.dumps(self.seen), file=sys.stderr)
                elif place == self.place:
                    self.act()
        self.busy = False

    def act(self) -> None:
        if self.action == "kill":
            os.kill(self.pid, signal.SIGKILL)
        else:
            subprocess.run(self.action, shell=True, check=False)


def main() -> None:
    place, action, request, *argv = sys.argv[1:]
    if request != "-":
        memory = os.memfd_create("request", 0)
        os.write(memory, request.encode())
        argv += ["--request", f"/proc/self/fd/{memory}"]
    watch = Watch(place, action)
    sys.argv = [ENGINE, *argv]
    sys.addaudithook(watch)
    runpy.run_path(ENGINE, run_name="__main__")


main()
