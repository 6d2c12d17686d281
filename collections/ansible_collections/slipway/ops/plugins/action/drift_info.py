# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.drift_info: render each role's desired state, probe the host once, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.template import generate_ansible_template_vars, trust_as_template
from ansible_collections.slipway.ops.plugins.modules import drift_info
from ansible_collections.slipway.ops.plugins.plugin_utils import drift
from ansible_collections.slipway.ops.plugins.plugin_utils.options import argument_spec

State = tuple[dict[str, Any], drift.Paths]
Variables = dict[str, Any]


# The paths that the last converge recorded (`releasectl record-converge`), and whether each still has its content.
RECORDED = """
import hashlib, json

def has(path, digest):
    try:
        return hashlib.sha256(open(path, "rb").read()).hexdigest() == digest
    except OSError:
        return False

files = json.load(open("/var/lib/slipway/converged.json"))["files"]
print(json.dumps({path: has(path, it["sha256"]) for path, it in files.items()}))
"""


class ActionModule(ActionBase):
    MODULE = drift_info

    def run(self, tmp: str | None = None, task_vars: Variables | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=argument_spec(self.MODULE.DOCUMENTATION))[1]
        variables = task_vars or {}
        host = variables["inventory_hostname"]
        # A mistake in the play is not drift: it would apply the role in every run.
        if missing := [role for role in args["roles"] if f"{role}_state" not in variables]:
            raise AnsibleActionFail(f"Not imported by this play, or without <role>_state: {', '.join(missing)}.")
        paths = {role: self._role_path(role) for role in args["roles"]}
        errors: dict[str, str] = {}
        states: list[tuple[str, State]] = []
        for role, path in paths.items():
            try:
                states.append((role, self._desired(role, path, variables)))
            except (AnsibleError, OSError) as error:
                errors[role] = str(error)
        request = drift.probe_request(state for _role, state in states)
        request["commands"]["recorded"] = ["python3", "-c", RECORDED]
        probe: dict[str, Any] = self._execute_module(
            module_name="slipway.ops.host_probe", module_args=request, task_vars=variables
        )
        if probe.get("failed") or probe.get("unreachable"):
            return probe
        desired = {it["path"]: paths_of[it["path"]] for _role, (state, paths_of) in states for it in state["files"]}
        recorded: dict[str, bool] = probe["commands"]["recorded"]["json"] or {}
        stale = sorted({*recorded} - {*desired})
        found: dict[str, drift.Drift] = {}
        in_sync: dict[str, list[str]] = {}
        obsolete: dict[str, list[str]] = {}
        for number, (role, (state, paths_of)) in enumerate(states):
            items = drift.compare(number, state, paths_of, probe)
            in_sync[role] = drift.in_sync(paths_of, state, probe, items)
            # While another role cannot be rendered, a path may be one of its. A file with another content is not ours.
            obsolete[role] = [] if errors else drift.obsolete(state, (path for path in stale if recorded[path]))
            items["files"] += obsolete[role]
            if any(items.values()):
                found[role] = items
        self._print(host, found, errors, args["warn"])
        roles = [role for role in args["roles"] if role in found or role in errors]
        return {
            "changed": False, "roles": roles, "drift": found, "errors": errors, "in_sync": in_sync, "desired": desired,
            "stale": stale, "obsolete": obsolete,
        }  # fmt: skip

    def _desired(self, role: str, path: Path, variables: Variables) -> State:
        """The role's desired state with its files rendered, as a task of the role would do it."""
        name = f"{role}_state"
        own = {**variables, "role_path": str(path), "ansible_search_path": [str(path), self._loader.get_basedir()]}
        templar = self._templar.copy_with_new_env(available_variables=own)
        validation = ArgumentSpecValidator(drift.STATE).validate(templar.template(own[name]))
        if validation.error_messages:
            raise AnsibleActionFail(f"{name}: {'; '.join(validation.error_messages)}")
        state: dict[str, Any] = validation.validated_parameters
        files: drift.Paths = {
            item["path"]: drift.describe(self._content(item, path, own), item) for item in state["files"]
        }
        return state, drift.desired_paths(state, files)

    def _role_path(self, role: str) -> Path:
        """In Ansible's documented order: roles/ beside the playbook, then roles_path, then the playbook's directory."""
        basedir = self._loader.get_basedir()
        for directory in (f"{basedir}/roles", *constants.config.get_config_value("DEFAULT_ROLES_PATH"), basedir):
            if (Path(directory) / role).is_dir():
                return Path(directory) / role
        raise AnsibleActionFail(f"Role {role} was not found in roles/ beside the playbook or in roles_path.")

    def _content(self, item: dict[str, Any], role_path: Path, variables: Variables) -> bytes:
        """What ansible.builtin.copy or ansible.builtin.template would write."""
        search = variables["ansible_search_path"]
        if item.get("verbatim"):
            return Path(self._loader.path_dwim_relative_stack(search, "files", item["src"])).read_bytes()
        source = self._loader.path_dwim_relative_stack(search, "templates", item.get("src", item["path"].lstrip("/")))
        text = trust_as_template(self._loader.get_text_file_contents(source))
        templar = self._templar.copy_with_new_env(
            searchpath=[str(role_path / "templates"), str(role_path), str(Path(source).parent)],
            available_variables={
                **generate_ansible_template_vars(path=source, fullpath=source, dest_path=item["path"]),
                **variables,
                **item.get("vars", {}),
            },
        )
        rendered = templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True})
        return str("" if rendered is None else rendered).encode()

    def _print(self, host: str, found: dict[str, drift.Drift], errors: dict[str, str], warn: bool) -> None:
        messages = [f"{host}: role {role}: {line}" for role, items in found.items() for line in drift.lines(items)]
        if warn:
            for message in messages:
                self._display.warning(f"Drift is left on {message}")
        else:
            for message in messages:
                self._display.display(f"Drift on {message}")
        for role, message in errors.items():
            self._display.warning(f"{host}: the desired state of role {role} cannot be rendered: {message}")
