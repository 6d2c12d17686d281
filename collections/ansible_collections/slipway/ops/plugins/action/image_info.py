# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.image_info. It needs no connection."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.modules import image_info
from ansible_collections.slipway.ops.plugins.plugin_utils.options import DocumentedAction
from ansible_collections.slipway.ops.plugins.plugin_utils.versions import check_version


class ActionModule(DocumentedAction):
    _requires_connection = False
    MODULE = image_info

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        result = {
            "changed": False, "image": "", "version": args["version"], "tagged": False, "registry_auth": {},
            "available_versions": [], "error": "",
        }  # fmt: skip
        # Returned, not raised: failed_when decides about results only, and a task with no_log needs it.
        if problem := problem_of(args):
            return {**result, "failed": True, "msg": problem}
        try:
            return {**result, **resolve(args)}
        except RegistryError as error:
            return {**result, "error": str(error)}


def problem_of(args: dict[str, Any]) -> str:
    """What is wrong with the options; empty if nothing is."""
    try:
        check_version(args["version"])
    except AnsibleActionFail as error:
        return str(error)
    missing = [name for name in ("registry", "repository") if not args[name]]
    if not missing:
        return ""
    return (
        f"{' and '.join(missing)} must not be empty. Set release_registry and release_repository in "
        "inventory/<env>/group_vars."
    )


def resolve(args: dict[str, Any]) -> dict[str, Any]:
    """The part of the result that the registry has. Raises RegistryError."""
    where = {name: args[name] for name in ("registry", "repository", "version")}
    name, tag = f"{where['registry']}/{where['repository']}", args["retention_tag"]
    session = Session.of(args["aws"])
    auth = registry.credentials(session)
    try:
        digest = registry.digest(session, auth, **where)
    except registry.NotInRegistry:
        known = registry.versions(session, auth, where["registry"], where["repository"])
        message = (
            f"Failed to resolve {where['version']}: {name} has no such version. It has: {', '.join(known) or 'none'}. "
            f"Build it first: ansible-playbook playbooks/build.yml -e version={where['version']}"
        )
        return {"failed": True, "msg": message, "available_versions": known}
    tagged = not tag or registry.is_tagged(session, auth, **{**where, "version": tag})
    account = {"username": auth.username, "password": auth.password} if args["credentials"] else {}
    return {"image": f"{name}@{digest}", "tagged": tagged, "registry_auth": account}
