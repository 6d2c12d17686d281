# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.release_info."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished


class ActionModule(EngineAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "default": "inference"},
        "history": {"type": "int", "default": 5},
    }

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        service = args["service"]
        questions = (("status",), ("history", "-n", str(args["history"])))
        status, history = (self.ask(service, *words) for words in questions)
        for document in (status, history):
            if document["code"] != 0:
                return finished(document)
        text = "".join(self.text(service, *words) for words in questions)
        return {"changed": False, "status": status, "history": history.get("releases", []), "text": text}
