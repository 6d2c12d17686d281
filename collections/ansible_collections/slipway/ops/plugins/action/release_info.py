# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.release_info."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.ops.plugins.modules import release_info
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import ReleasectlAction, task_result


class ActionModule(ReleasectlAction):
    MODULE = release_info

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        service = args["service"]
        wanted = ("--inventory-version", args["inventory_version"]) if args["inventory_version"] else ()
        commands = (("status", *wanted), ("history", "-n", str(args["history"])))
        status, history = (self.run_json(service, *words) for words in commands)
        for document in (status, history):
            if document["code"] != 0:
                return task_result(document)
        text = "".join(self.run_text(service, *words) for words in commands)
        return {"changed": False, "status": status, "history": history.get("releases", []), "text": text}
