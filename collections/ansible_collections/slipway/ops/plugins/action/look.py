"""Controller side of slipway.ops.look: say what is wanted, ask the host once, compare."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.slipway.ops.plugins.plugin_utils.looking import WANTED, LookingAction, compared


class ActionModule(LookingAction):
    SPEC: ClassVar[dict[str, Any]] = WANTED

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, wanted = self.validate_argument_spec(argument_spec=self.SPEC)
        variables = task_vars or {}
        question = self.question(wanted, variables)
        return {"changed": False, **compared(question, self.ask(question, variables))}
