# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.look: say what is wanted, ask the host once, compare."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.slipway.ops.plugins.plugin_utils.looking import WANTED, LookingAction, compared


class ActionModule(LookingAction):
    SPEC: ClassVar[dict[str, Any]] = WANTED

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        wanted = self.validate_argument_spec(argument_spec=self.SPEC)[1]
        variables = task_vars or {}
        question = self.question(wanted, variables)
        return {"changed": False, **compared(question, self.ask(question, variables))}
