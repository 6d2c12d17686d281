# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.converged: what several roles want of a host, in one question."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.ops.plugins.plugin_utils.looking import WANTED, LookingAction, compared


class ActionModule(LookingAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "roles": {"type": "list", "elements": "str", "required": True},
        "turns": {"type": "dict", "default": {}},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=self.SPEC)[1]
        turns = [(role, {f"{role}_turn": turn}) for role, turns in args["turns"].items() for turn in turns]
        looks = [
            (role, own_variables(role, {**(task_vars or {}), **turn}))
            for role, turn in [*((role, {}) for role in args["roles"]), *turns]
        ]
        try:
            questions = [self._question(role, variables) for role, variables in looks]
        except AnsibleError as error:
            # A value that is not as it has to be: the role says what is wrong with it, and where it was set.
            roles = sorted({look[0] for look in looks})
            return {"changed": False, "converged": False, "differing": roles, "because": str(error)}
        there = self.ask(merged(questions), task_vars or {})
        differing = {
            role for number, (role, variables) in enumerate(looks)
            if self._differs(role, compared(questions[number], answer_to(number, there)), variables)
        }  # fmt: skip
        return {"changed": False, "converged": not differing, "differing": sorted(differing)}

    def _question(self, role: str, variables: dict[str, Any]) -> dict[str, Any]:
        templar = self._templar.copy_with_new_env(available_variables=variables)
        wanted = ArgumentSpecValidator(WANTED).validate(templar.template(variables[f"_{role}_wanted"]))
        if wanted.error_messages:
            raise AnsibleActionFail(f"_{role}_wanted: {'; '.join(wanted.error_messages)}")
        return self.question(wanted.validated_parameters, variables)

    def _differs(self, role: str, look: dict[str, Any], variables: dict[str, Any]) -> bool:
        """As the role itself judges what it has seen; where it cannot, it has to say why."""
        seen = {**variables, f"__{role}_look": look}
        try:
            return bool(self._templar.copy_with_new_env(available_variables=seen).template(seen[f"_{role}_differs"]))
        except AnsibleError:
            return True


def own_variables(role: str, variables: dict[str, Any]) -> dict[str, Any]:
    """As a task of the role would have them."""
    path = next((str(it) for folder in constants.DEFAULT_ROLES_PATH if (it := Path(folder) / role).is_dir()), None)
    missing = [name for name in (f"_{role}_wanted", f"_{role}_differs") if name not in variables]
    if path is None or missing:
        raise AnsibleActionFail(f"{role} is no role of this play, or it does not say {', '.join(missing)}.")
    return {**variables, "ansible_search_path": [path], "role_path": path}


def merged(questions: list[dict[str, Any]]) -> dict[str, Any]:
    """One question for several."""
    return {
        "packages": [it for question in questions for it in question["packages"]],
        "units": [it for question in questions for it in question["units"]],
        "files": {path: it for question in questions for path, it in question["files"].items()},
        "commands": {
            f"{number} {name}": it
            for number, question in enumerate(questions) for name, it in question["commands"].items()
        },
    }  # fmt: skip


def answer_to(number: int, there: dict[str, Any]) -> dict[str, Any]:
    """The part of it that the question of this number is about; of packages, units and files, all have all."""
    named = [(*name.split(" ", 1), it) for name, it in there["commands"].items()]
    return {**there, "commands": {name: it for whose, name, it in named if whose == str(number)}}
