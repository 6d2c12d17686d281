# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Follows the event log of a host while a task runs there, over a second connection of the same kind: that of the task is
busy. SSH shares one login between both (ControlPersist). Best effort: an error ends the follower, never the task.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.plugins.loader import become_loader, connection_loader, get_shell_plugin
from ansible.utils.display import Display
from ansible_collections.slipway.ops.plugins.plugin_utils.event_stream import parse_event, send

EVENTS = "/var/log/slipway/events.jsonl"
# The summary covers what ends within this time (s): a deploy of the live release, a rollback to the standby.
PATIENCE_S = 0.5
# A command returns its output when it ends, so this one ends when there are new events, or after two seconds: it may
# outlive the task by that. {offset}: the bytes read so far; -1: none, and the last 30,000 are enough.
COMMAND = """\
f={path}; n={offset}; i=0
size() {{ stat -c %s "$f" 2>/dev/null || echo 0; }}
while s=$(size); [ "$s" -eq "$n" ] && [ "$i" -lt 10 ]; do sleep 0.2; i=$((i+1)); done
[ "$n" -lt 0 ] && n=$((s > 30000 ? s - 30000 : 0))
[ "$s" -lt "$n" ] && n=0
date +%s.%N; echo "$s"
[ "$s" -eq "$n" ] || tail -c "+$((n + 1))" "$f" | head -c $((s - n))"""
MARKER = re.compile(r"\ABECOME-SUCCESS-\w+\s+")
# A second connection of these costs no login.
TRANSPORTS = ("local", "ssh")
# Connections display nothing up to this verbosity (-v).
QUIET = 1


@contextmanager
def follow(connection: Any, play_context: Any, service: str, host: str) -> Iterator[None]:
    """While the block runs, send the events of the service to the callback."""
    finished = threading.Event()
    thread = threading.Thread(
        target=_follow, args=(connection, play_context, service, host, time.monotonic(), finished), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        finished.set()
        send({"host": host, "service": service, "end": True})


def _follow(
    connection: Any, play_context: Any, service: str, host: str, start: float, finished: threading.Event
) -> None:
    if finished.wait(PATIENCE_S):
        return
    try:
        if connection.transport not in TRANSPORTS or not _quiet():
            return
        second = second_connection(connection, play_context)
        offset, rest, known = -1, "", False
        while not finished.is_set():
            code, out = second.exec_command(_command(second, offset))[:2]
            # Some connections leave the marker of sudo in the output.
            clock, size, *text = MARKER.sub("", out.decode(errors="replace")).split("\n", 2)
            if code != 0 or finished.is_set():
                return
            if not known:
                known, ahead = True, float(clock) - time.monotonic()
                send({"host": host, "service": service, "since": start + ahead, "ahead": ahead})
            offset = int(size)
            *lines, rest = (rest + "".join(text)).split("\n")
            for event in filter(None, map(parse_event, lines)):
                send({"host": host, "service": service, "event": event})
    except Exception:
        # Whatever a connection plugin may raise. The summary at the end has all phases.
        return


def _quiet() -> bool:
    """
    A connection that displays something sends it through a queue of all processes of the run, and holds its lock
    meanwhile. Ansible ends a process without its threads, so one that displays may keep the lock for ever.
    """
    return Display().verbosity <= QUIET and not constants.DEFAULT_DEBUG


def second_connection(connection: Any, play_context: Any) -> Any:
    """A connection to the same host, as the same user, with the same options."""
    second = connection_loader.get(connection.ansible_name, play_context)
    second.set_options(direct=connection.get_options())
    if connection.become:
        # Of its own: it remembers the marker that the output of its last command starts with.
        become = become_loader.get(connection.become.ansible_name)
        become.set_options(direct=connection.become.get_options())
        second.set_become_plugin(become)
    return second


def _command(connection: Any, offset: int) -> str:
    command = COMMAND.format(path=EVENTS, offset=offset)
    if connection.become:
        command = connection.become.build_become_command(command, get_shell_plugin("sh", "/bin/sh"))
    return str(command)
