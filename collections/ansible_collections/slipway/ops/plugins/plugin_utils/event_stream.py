# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Events of a rollout on their way from the task that follows them to the callback that prints them. The callback
slipway.ops.rollout_progress opens a pipe when it is loaded, and the processes that Ansible forks for its tasks inherit
it. Without the callback there is no pipe, and nobody follows any events.
"""

from __future__ import annotations

import json
import os
import select
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Phases that take less are only in the summary (s).
MIN_PHASE_S = 0.1
# Interval of the lines about a phase that takes long (s).
HEARTBEAT_S = 5.0
# The kernel writes up to this many bytes to a pipe as a whole (4096 on Linux).
MESSAGE_BYTES = select.PIPE_BUF
EVENT_KEYS = ("at", "service", "phase", "event", "seconds", "percent", "numbers", "cause")
WAITS_FOR = {
    "lock": "another change to end",
    "pull": "the image",
    "start": "the container to run",
    "gate": "the candidate to be ready and to pass its checks",
    "switch": "HAProxy to route to the candidate",
    "drain": "requests in flight to end",
    "pre-deploy": "the hook to allow the rollout",
    "stop": "the old release to stop",
    "canary": "enough requests to judge the candidate",
    "bake": "the bake to end",
    "standby": "the old slot to stop",
    "undo": "the undo to complete",
}

_pipe: tuple[int, int] | None = None


def open_pipe() -> int:
    """Open the pipe, once per run. Returns the descriptor to read from."""
    global _pipe
    if _pipe is None:
        _pipe = os.pipe()
        # A message is dropped rather than waited for.
        os.set_blocking(_pipe[1], False)
    return _pipe[0]


def is_open() -> bool:
    return _pipe is not None


def send(message: dict[str, Any]) -> None:
    """Send a message to the callback. Best effort: progress never fails or delays a rollout."""
    data = json.dumps(message, ensure_ascii=False).encode() + b"\n"
    if _pipe is None or len(data) > MESSAGE_BYTES:
        return
    try:
        os.write(_pipe[1], data)
    except OSError:
        return


def parse_event(line: str) -> dict[str, Any] | None:
    """An event of the host's log, without what nobody prints; None for a line that is not one."""
    try:
        event = json.loads(line)
        short = {key: event[key] for key in EVENT_KEYS if key in event}
    except (ValueError, TypeError):
        return None
    for key in ("cause", "numbers"):
        if short.get(key):
            short[key] = str(short[key])[:300]
    return short if {"at", "service", "phase", "event"} <= set(short) else None


@dataclass
class ProgressFormatter:
    """Turns the events of one rollout into lines. No I/O."""

    service: str
    since: float
    """Earlier events are of other rollouts (seconds since the epoch, by the host's clock)."""
    phase: str = ""
    started: float = 0.0
    printed: float = 0.0

    def on_event(self, event: dict[str, Any]) -> str | None:
        """The line for an event, if it is worth one."""
        try:
            at = datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()
            phase, kind, service = str(event["phase"]), event["event"], event["service"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if service != self.service or at < self.since:
            return None
        if kind == "start":
            self.phase, self.started, self.printed = phase, at, at
            return None
        if kind == "watch":
            return f"canary: {event.get('percent')} % of the requests go to the candidate"
        if kind == "step":
            return f"canary at {event.get('numbers')}"
        if kind == "failed" and self.phase and phase != self.phase:
            # Of another process, which did not get the lock.
            return None
        self.phase = ""
        seconds = float(event.get("seconds") or 0.0)
        if kind == "failed":
            return f"{phase} failed after {seconds:.1f} s: {event.get('cause', '')}"
        if kind == "done" and (seconds >= MIN_PHASE_S or phase == "switch"):
            return f"{phase} {seconds:.2f} s ({at - self.since:.1f} s in all)"
        return None

    def heartbeat(self, now: float) -> str | None:
        """A line about a phase that takes long, every few seconds. `now`: by the host's clock."""
        if not self.phase or now - self.printed < HEARTBEAT_S:
            return None
        self.printed = now
        return f"{self.phase} … {now - self.started:.0f} s, waiting for {WAITS_FOR.get(self.phase, 'the phase to end')}"
