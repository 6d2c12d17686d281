# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Base of the action plugins that call releasectl: one command over the connection, one JSON document back. No decision is
made here, and no Python is sent to the host.
"""

from __future__ import annotations

import json
import shlex
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.plugin_utils import event_stream
from ansible_collections.slipway.ops.plugins.plugin_utils.event_follower import follow
from ansible_collections.slipway.ops.plugins.plugin_utils.options import DocumentedAction

RELEASECTL = "/usr/local/bin/releasectl"
# Exit code of a POSIX shell: no such command.
NOT_FOUND = 127


class ReleasectlAction(DocumentedAction):
    _requires_connection = True

    def host_time(self) -> str | None:
        """The host's time (UTC, RFC 3339 to the second); None if it has no releasectl. Opens the connection."""
        done = self._run(f"test -x {RELEASECTL} && date -u +%FT%T")
        return str(done["stdout"]).strip() if done["rc"] == 0 else None

    def has_directory(self, path: str) -> bool:
        return bool(self._run(shlex.join(["test", "-d", path]))["rc"] == 0)

    def run_json(self, service: str, *words: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run releasectl and return its result; `document` is its standard input."""
        # A value from the vault is decrypted as it becomes text.
        data = None if document is None else json.dumps(document, default=str).encode()
        done = self._releasectl(service, *words, "--json", data=data)
        try:
            result: dict[str, Any] = json.loads(done["stdout"].strip().splitlines()[-1])
        except (IndexError, ValueError):
            stderr = done["stderr"].strip()[-2000:]
            raise AnsibleActionFail(
                f"Failed to {words[0]} {service}: releasectl exited with code {done['rc']}. {stderr}"
            ) from None
        result.setdefault("code", done["rc"])
        return result

    def run_text(self, service: str, *words: str) -> str:
        """Run releasectl and return its output for people."""
        return str(self._releasectl(service, *words)["stdout"])

    def _releasectl(self, service: str, *words: str, data: bytes | None = None) -> dict[str, Any]:
        done = self._run(shlex.join([RELEASECTL, "--service", service, *words]), data)
        if done["rc"] == NOT_FOUND:
            raise AnsibleActionFail(
                f"Failed to run {RELEASECTL}: it is not on this host. "
                "Converge the host first: ansible-playbook site.yml --limit HOST"
            )
        return done

    def _run(self, command: str, data: bytes | None = None) -> dict[str, Any]:
        # The one way for an action plugin to run a command without a module, which would need Python and a temporary
        # directory on the host, and half a second. Ansible's own `raw` and `script` do the same.
        return dict(self._low_level_execute_command(command, in_data=data))

    def stream_progress(self, service: str, host: str) -> AbstractContextManager[None]:
        """While the block runs, the callback slipway.ops.rollout_progress, if enabled, prints each phase."""
        if self._task.check_mode or self._task.no_log or not event_stream.is_open():
            return nullcontext()
        return follow(self._connection, self._play_context, service, host)


def task_result(result: dict[str, Any]) -> dict[str, Any]:
    """The task's result for a result of releasectl. A failure carries its cause, the hint and the last log lines."""
    result = {"changed": False, **result}
    for side in ("before", "after"):
        document = (result.get("diff") or {}).get(side)
        if document is not None:
            result["diff"][side] = json.dumps(document, indent=2, sort_keys=True) + "\n"
    if result["code"] == 0:
        return result
    text = result.get("message") or f"releasectl exited with code {result['code']}"
    cause, hint = result.get("cause") or "", result.get("hint") or ""
    text += "".join(f"\n{part}" for part in (cause, hint) if part and part not in text)
    if result.get("logs"):
        text += "\nLog tail of the container:\n" + "\n".join(f"  {line}" for line in result["logs"])
    return {**result, "failed": True, "msg": text}
