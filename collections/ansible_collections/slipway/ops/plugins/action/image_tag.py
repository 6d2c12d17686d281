# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.image_tag. It needs no connection."""

from __future__ import annotations

from typing import Any

from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.modules import image_tag
from ansible_collections.slipway.ops.plugins.plugin_utils.options import DocumentedAction


class ActionModule(DocumentedAction):
    _requires_connection = False
    MODULE = image_tag

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": True, "error": ""}
        try:
            session, account = Session.of(args["aws"]), args["registry_auth"]
            auth = registry.Credentials(**account) if account else registry.credentials(session)
            registry.tag(session, auth, args["image"], args["tag"])
        except RegistryError as error:
            warning = (
                f"Failed to tag {args['image']} as {args['tag']}: {error} The registry may expire the image one day. "
                "The next run tries again."
            )
            return {"changed": False, "error": str(error), "warnings": [warning]}
        return {"changed": True, "error": ""}
