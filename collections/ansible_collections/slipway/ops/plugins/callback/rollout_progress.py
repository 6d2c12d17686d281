# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_progress
type: aggregate
short_description: Show the progress and the outcome of rollouts
description:
  - Prints a line for each phase of a rollout while it runs, to stderr, and a summary at its end. With C(-vv) and more,
    only the summary.
  - Works beside any stdout callback. The summary goes to stderr too if that is not C(ansible.builtin.default).
  - Prints nothing for a task with C(no_log).
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
author: [Slipway (@slipway)]
"""

import json  # noqa: E402
import os  # noqa: E402
import select  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from ansible import constants  # noqa: E402
from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible_collections.slipway.ops.plugins.plugin_utils.event_stream import (  # noqa: E402
    ProgressFormatter,
    open_pipe,
)

OURS = "slipway.ops."
# Interval of the checks for a phase that takes long (s).
TICK_S = 0.5


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slipway.ops.rollout_progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        # Display takes its lock to print, and Ansible takes the same lock to fork: no process begins with it held.
        threading.Thread(target=print_progress, args=(open_pipe(),), daemon=True).start()

    def v2_runner_on_ok(self, result: Any) -> None:
        if result.task.action.startswith(OURS):
            print_summary(result.result.get("report") or [])

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self.v2_runner_on_ok(result)


def print_summary(lines: list[str]) -> None:
    # A stdout callback other than the default one may be writing a document.
    stderr = constants.DEFAULT_STDOUT_CALLBACK not in ("default", "ansible.builtin.default")
    if lines:
        Display().display("\n".join(lines), stderr=stderr)


def print_progress(pipe: int) -> None:
    """Print what arrives, until the run ends."""
    rest, progress = b"", Progress()
    while True:
        if select.select([pipe], [], [], TICK_S)[0]:
            *messages, rest = (rest + os.read(pipe, 65536)).split(b"\n")
            for message in messages:
                progress.on_message(json.loads(message))
        progress.on_tick(time.monotonic())


class Progress:
    """The rollouts that run, by host and service."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, str], tuple[ProgressFormatter, float]] = {}

    def on_message(self, message: dict[str, Any]) -> None:
        key = (message["host"], message["service"])
        if "since" in message:
            self.running[key] = ProgressFormatter(message["service"], message["since"]), message["ahead"]
        elif "end" in message:
            self.running.pop(key, None)
        elif key in self.running:
            self.show(key[0], self.running[key][0].on_event(message["event"]))

    def on_tick(self, now: float) -> None:
        for key, (formatter, ahead) in self.running.items():
            self.show(key[0], formatter.heartbeat(now + ahead))

    def show(self, host: str, line: str | None) -> None:
        if line:
            # Not to stdout: a callback may be writing a document there.
            Display().display(f"{host} | {line}", stderr=True)
