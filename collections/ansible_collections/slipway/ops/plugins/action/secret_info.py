# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.secret_info. It needs no connection."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.modules import secret_info
from ansible_collections.slipway.ops.plugins.plugin_utils.options import DocumentedAction
from ansible_collections.slipway.ops.plugins.plugin_utils.secret_store import SecretError, resolved

HINT = (
    "Set in inventory/<env>/group_vars/all: `secrets` of the service in services.yml, or release_secrets. Nothing was "
    "changed on a host. A rollback reads no secret: ansible-playbook playbooks/rollback.yml"
)


class ActionModule(DocumentedAction):
    _requires_connection = False
    MODULE = secret_info

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        try:
            secrets, versions = resolved(Session.of(args["aws"]), args["secrets"], f"{args['service']}.secrets")
        except (SecretError, RegistryError) as error:
            # Returned, not raised: failed_when decides about results only, and a task with no_log needs it.
            return {"changed": False, "secrets": {}, "versions": {}, "failed": True, "msg": f"{error} {HINT}"}
        return {"changed": False, "secrets": secrets, "versions": versions}
