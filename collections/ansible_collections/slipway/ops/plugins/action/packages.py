# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.packages: ansible.builtin.apt, as all roles want it."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

# Lists of packages are good for a day (s); so long another apt on the host may take, such as its own upgrade (s).
APT = {"install_recommends": False, "update_cache": True, "cache_valid_time": 86_400, "lock_timeout": 300}


class ActionModule(ActionBase):
    SPEC: ClassVar[dict[str, Any]] = {"names": {"type": "list", "elements": "str", "required": True}}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=self.SPEC)[1]
        if not args["names"]:
            return {"changed": False}
        wanted = {"name": args["names"], **APT}
        result: dict[str, Any] = self._execute_module("ansible.builtin.apt", module_args=wanted, task_vars=task_vars)
        if self._task.check_mode and result.get("failed"):
            # Without python3-apt, or without lists of packages: on a host that was never converged.
            return {"changed": True, "msg": f"A check cannot see more than that they are missing: {result.get('msg')}"}
        return result
