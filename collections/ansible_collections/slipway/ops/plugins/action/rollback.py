# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.rollback."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.ops.plugins.modules import rollback
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import ReleasectlAction, task_result


class ActionModule(ReleasectlAction):
    MODULE = rollback

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        words = ["rollback"]
        # In one word, or argparse takes a value with a leading dash for an option.
        words += [f"--{flag}={args[flag]}" for flag in ("to", "reason", "by") if args[flag]]
        if self._task.check_mode:
            words.append("--dry-run")
        with self.stream_progress(args["service"], host):
            return task_result(self.run_json(args["service"], *words))
