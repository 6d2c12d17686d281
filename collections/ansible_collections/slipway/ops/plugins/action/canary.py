# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.canary."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.ops.plugins.modules import canary
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import ReleasectlAction, task_result


class ActionModule(ReleasectlAction):
    MODULE = canary

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        # Check mode sends no command.
        command = "status" if self._task.check_mode else args["command"]
        by = ["--by", args["by"]] if args["by"] else []
        result = self.run_json(args["service"], "canary", command, *by)
        if self._task.check_mode and args["command"] != "status":
            result["changed"] = bool(result.get("canary"))
        return task_result(result)
