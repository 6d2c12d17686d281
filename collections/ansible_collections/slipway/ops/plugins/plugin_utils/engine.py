# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Controller side of what asks the engine: one command over the connection, and what it said. Nothing here decides
anything, and nothing of Python is sent to the host.
"""

from __future__ import annotations

import json
import shlex
from contextlib import nullcontext
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.ops.plugins.plugin_utils.progress import follow

RELEASECTL = "/usr/local/bin/releasectl"
# Of a POSIX shell: there is no such command.
NOT_FOUND = 127


class EngineAction(ActionBase):
    _requires_connection = True

    SPEC: ClassVar[dict[str, Any]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=self.SPEC)[1]
        result = self.act(args, (task_vars or {}).get("inventory_hostname", ""))
        if not result.get("failed") and not self._task.no_log:
            tell(result.get("report") or [])
        return result

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        """The task's result. Its `report`, unless it failed, is told to who watches: lines."""
        raise NotImplementedError

    def clock(self) -> str | None:
        """The host's time (UTC, RFC 3339 to the second); None: it has no engine. Opens the connection."""
        done = self._low_level_execute_command(f"test -x {RELEASECTL} && date -u +%FT%T")
        return str(done["stdout"]).strip() if done["rc"] == 0 else None

    def ask(self, service: str, *words: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        """What `releasectl` answers to `words`; `document` is its standard input."""
        # A value from the vault is decrypted as it becomes text.
        data = None if document is None else json.dumps(document, default=str).encode()
        done = self._releasectl(service, *words, "--json", data=data)
        try:
            result: dict[str, Any] = json.loads(done["stdout"].strip().splitlines()[-1])
        except (IndexError, ValueError):
            said = done["stderr"].strip()[-2000:]
            raise AnsibleActionFail(
                f"Failed to {words[0]} {service}: releasectl ended with {done['rc']}. {said}"
            ) from None
        result.setdefault("code", done["rc"])
        return result

    def text(self, service: str, *words: str) -> str:
        """What a person would see."""
        return str(self._releasectl(service, *words)["stdout"])

    def _releasectl(self, service: str, *words: str, data: bytes | None = None) -> dict[str, Any]:
        command = shlex.join([RELEASECTL, "--service", service, *words])
        done: dict[str, Any] = self._low_level_execute_command(command, in_data=data)
        if done["rc"] == NOT_FOUND:
            raise AnsibleActionFail(
                f"Failed to run {RELEASECTL}: it is not on this host. "
                "Converge the host first: ansible-playbook site.yml"
            )
        return done

    def telling(self, service: str, host: str) -> Any:
        """While the block runs, a person hears of each phase."""

        def say(line: str) -> None:
            # Not on stdout: a callback may be writing a document there.
            Display().display(f"{host} | {line}", stderr=True)

        return nullcontext() if self._task.check_mode else follow(self._connection, service, say)


def tell(lines: list[str]) -> None:
    """Here and not by a task after this one, which would be another process for each host."""
    # Beside the callback of people; another one may be writing a document to stdout.
    if lines:
        aside = constants.DEFAULT_STDOUT_CALLBACK not in ("default", "ansible.builtin.default")
        Display().display("\n".join(lines), stderr=aside)


def finished(result: dict[str, Any]) -> dict[str, Any]:
    """The task's result as the document says; a failure carries its cause, the hint and the last log lines."""
    result = {"changed": False, **result}
    for side in ("before", "after"):
        document = (result.get("diff") or {}).get(side)
        if document is not None:
            result["diff"][side] = json.dumps(document, indent=2, sort_keys=True) + "\n"
    if result["code"] == 0:
        return result
    text = result.get("message") or f"releasectl ended with {result['code']}"
    cause, hint = result.get("cause") or "", result.get("hint") or ""
    text += "".join(f"\n{part}" for part in (cause, hint) if part and part not in text)
    if result.get("logs"):
        text += "\nThe container's last lines:\n" + "\n".join(f"  {line}" for line in result["logs"])
    return {**result, "failed": True, "msg": text}
