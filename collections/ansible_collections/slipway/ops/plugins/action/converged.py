"""Controller side of slipway.ops.converged: what several roles want of a host, in one question."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.ops.plugins.plugin_utils.looking import WANTED, LookingAction, compared


class ActionModule(LookingAction):
    SPEC: ClassVar[dict[str, Any]] = {"roles": {"type": "list", "elements": "str", "required": True}}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(argument_spec=self.SPEC)
        variables = task_vars or {}
        try:
            questions = {role: self._question(role, variables) for role in args["roles"]}
        except AnsibleError as error:
            # A value that is not as it has to be: the role says what is wrong with it, and where it was set.
            return {"changed": False, "converged": False, "differing": args["roles"], "because": str(error)}
        there = self.ask(merged(questions), variables)
        differing = [
            role for role, question in questions.items()
            if self._differs(role, compared(question, answer_to(role, there)), variables)
        ]  # fmt: skip
        return {"changed": False, "converged": not differing, "differing": differing}

    def _question(self, role: str, variables: dict[str, Any]) -> dict[str, Any]:
        path = next(str(it) for folder in constants.DEFAULT_ROLES_PATH if (it := Path(folder) / role).is_dir())
        own = {**variables, "ansible_search_path": [path], "role_path": path}
        wanted = self._templar.copy_with_new_env(available_variables=own).template(own[f"_{role}_wanted"])
        return self.question(ArgumentSpecValidator(WANTED).validate(wanted).validated_parameters, own)

    def _differs(self, role: str, look: dict[str, Any], variables: dict[str, Any]) -> bool:
        """As the role itself judges what it has seen; where it cannot, it has to say why."""
        seen = {**variables, f"__{role}_look": look}
        try:
            return bool(self._templar.copy_with_new_env(available_variables=seen).template(seen[f"_{role}_differs"]))
        except AnsibleError:
            return True


def merged(questions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One question for those of several roles."""
    return {
        "packages": [it for question in questions.values() for it in question["packages"]],
        "units": [it for question in questions.values() for it in question["units"]],
        "files": {path: it for question in questions.values() for path, it in question["files"].items()},
        "commands": {f"{role} {name}": it for role, one in questions.items() for name, it in one["commands"].items()},
    }


def answer_to(role: str, there: dict[str, Any]) -> dict[str, Any]:
    named = [(*name.split(" ", 1), it) for name, it in there["commands"].items()]
    return {**there, "commands": {name: it for whose, name, it in named if whose == role}}
