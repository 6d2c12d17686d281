"""
The channel between a running canary and its operators: two small files on a tmpfs, one for each direction. The engine
removes a command file when it has read it: a file that has disappeared was accepted. If the canary ends first, the
sender withdraws the file, so no caller reports success for a command that was never processed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ..model.errors import Code, Failure
from ..rollout.ports import CanaryCommand
from . import files

ACCEPT_TIMEOUT_S = 10.0
POLL_S = 0.05


class CanaryMailbox:
    def __init__(self, run_dir: str, service: str) -> None:
        self.status_path = os.path.join(run_dir, f"{service}.canary.json")
        self.command_path = os.path.join(run_dir, f"{service}.canary.word")

    def clear(self) -> None:
        """Remove the status that a killed engine left behind. Only under the lock."""
        files.remove_file(self.status_path)

    # The engine's side.

    def publish_status(self, status: Mapping[str, Any] | None) -> None:
        if status is None:
            self.clear()
        else:
            files.write_atomic(self.status_path, json.dumps(status), 0o644)

    def take_command(self, txn: str) -> CanaryCommand | None:
        text = files.read_text(self.command_path)
        if text is None or not files.remove_file(self.command_path):
            return None
        try:
            doc = json.loads(text)
            return CanaryCommand(str(doc["word"]), str(doc["by"])) if doc["txn"] == txn else None
        except (ValueError, KeyError, TypeError):
            return None

    # The operators' side.

    def read_status(self) -> dict[str, Any] | None:
        try:
            doc = json.loads(files.read_text(self.status_path) or "null")
        except (ValueError, OSError):
            return None
        return doc if isinstance(doc, dict) else None

    def send(self, action: str, by: str) -> dict[str, Any]:
        """Send a command and wait until the engine has accepted it. Returns the last status. Raises Failure."""
        status = self.read_status()
        if status is None:
            raise _no_canary()
        own_path = f"{self.command_path}.{os.getpid()}"
        files.write_atomic(own_path, json.dumps({"txn": status["txn"], "word": action, "by": by}), 0o600)
        try:
            self._deliver(own_path, status["txn"], action)
        finally:
            files.remove_file(own_path)
        return status

    def _deliver(self, own_path: str, txn: str, action: str) -> None:
        """Link `own_path` to the command path. The engine removes that second name when it has read the command."""
        end, delivered = time.monotonic() + ACCEPT_TIMEOUT_S, False
        while True:
            delivered = delivered or self._link(own_path, txn)
            if delivered and os.stat(own_path).st_nlink == 1:
                return
            status = self.read_status()
            ended = status is None or status["txn"] != txn
            if ended or time.monotonic() >= end:
                if delivered and not files.remove_file(self.command_path):
                    # It was accepted just now.
                    return
                raise _not_accepted(action, ended)
            time.sleep(POLL_S)

    def _link(self, own_path: str, txn: str) -> bool:
        """False: another command is still waiting. A command to an earlier canary is removed: nobody will read it."""
        try:
            os.link(own_path, self.command_path)
            return True
        except FileExistsError:
            waiting = files.read_text(self.command_path)
            if waiting is not None and f'"txn": "{txn}"' not in waiting:
                files.remove_file(self.command_path)
            return False

    def not_running(self) -> Failure:
        """Why no engine would accept a command. A killed engine leaves its status file and the traffic split behind."""
        status = self.read_status()
        if status is None:
            return _no_canary()
        return Failure(
            Code.USAGE,
            f"the engine of the canary of {status['version']} was killed and left the canary at {status['percent']} %",
            "`releasectl recover` ends the traffic split, or resumes the canary (on_interrupt: resume). It runs by "
            "itself within a minute.",
        )


def _no_canary() -> Failure:
    return Failure(Code.USAGE, "no canary is running", "`releasectl status` shows what is live.")


def _not_accepted(action: str, ended: bool) -> Failure:
    if ended:
        return Failure(
            Code.USAGE,
            f"the canary ended before it accepted {action!r}",
            "`releasectl status` shows what is live. Interrupted work is recovered within a minute.",
        )
    return Failure(
        Code.PREFLIGHT,
        f"the engine did not accept {action!r} within {ACCEPT_TIMEOUT_S:g} s",
        "See `releasectl status`. If the engine was killed, it is recovered within a minute.",
    )
