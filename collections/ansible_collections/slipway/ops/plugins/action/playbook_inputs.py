# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.playbook_inputs: convert and validate the `-e` values, refuse unknown names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Of what Ansible shows a plugin, the variables of a task hold the inventory's as well; only this tells which names came
# from the command line. It is the function by which Ansible reads `-e` itself: files, JSON and name=value.
from ansible.utils.vars import load_extra_vars
from ansible_collections.slipway.ops.plugins.modules import playbook_inputs
from ansible_collections.slipway.ops.plugins.plugin_utils import inputs
from ansible_collections.slipway.ops.plugins.plugin_utils.options import argument_spec

# Keys of an option that Ansible's validation does not know.
OWN_KEYS = ("description", "verbatim")


class ActionModule(ActionBase):
    _requires_connection = False
    MODULE = playbook_inputs

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        options = self.validate_argument_spec(argument_spec=argument_spec(self.MODULE.DOCUMENTATION))[1]["options"]
        variables, extra = task_vars or {}, dict(load_extra_vars(self._loader))
        self._check_names(options, variables, extra)
        return {"changed": False, "inputs": self._values(options, extra)}

    def _check_names(self, options: Mapping[str, Any], variables: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
        names = set(extra) - {inputs.REST}
        problems = inputs.renamed((names | set(variables)) - set(options))
        if set(names) - set(options):
            folders = {str(variables[key]) for key in ("inventory_dir",) if variables.get(key)}
            known = inputs.variables_of(self._loader, constants.DEFAULT_ROLES_PATH, folders)
            problems += inputs.unknown(names - set(inputs.RENAMED), options, known)
        if problems:
            known_inputs = f"This playbook has: {', '.join(sorted(options)) or 'no input'}"
            raise AnsibleActionFail("\n".join([*problems, known_inputs]))

    def _values(self, options: Mapping[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        rest = extra.get(inputs.REST)
        given = {}
        for name in set(options) & set(extra):
            if options[name].get("verbatim"):
                given[name] = inputs.verbatim(extra[name], rest)
                if rest:
                    self._warn_of_split(name, given[name])
                rest = None
            else:
                given[name] = self._templar.template(extra[name])
        if rest:
            raise AnsibleActionFail(f"'{rest}' has no name in -e: quote a value with spaces, or give it as JSON")
        spec = {
            name: {key: value for key, value in option.items() if key not in OWN_KEYS}
            for name, option in options.items()
        }
        found = ArgumentSpecValidator(spec).validate({key: it for key, it in given.items() if it is not None})
        if found.error_messages:
            raise AnsibleActionFail("\n".join(f"-e {message}" for message in found.error_messages))
        return dict(found.validated_parameters)

    @staticmethod
    def _warn_of_split(name: str, text: str) -> None:
        Display().warning(
            f"-e {name}=… was split at its spaces and put together again: '{text}'. "
            "Quotes and name=value in it are lost. "
            f"""Write -e '{{"{name}": "…"}}', or set the environment variable SLIPWAY_{name.upper()}."""
        )
