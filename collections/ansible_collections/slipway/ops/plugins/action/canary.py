# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.canary."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished


class ActionModule(EngineAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "default": "inference"},
        "command": {"type": "str", "choices": ["promote", "abort", "hold", "status"], "default": "status"},
        "by": {"type": "str", "default": ""},
    }

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        # In check mode nobody is told anything.
        command = "status" if self._task.check_mode else args["command"]
        result = self.ask(args["service"], "canary", command, *(["--by", args["by"]] if args["by"] else []))
        if self._task.check_mode and args["command"] != "status":
            result["changed"] = bool(result.get("canary"))
        return finished(result)
