# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.rollback."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished


class ActionModule(EngineAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "default": "inference"},
        "to": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "by": {"type": "str", "default": ""},
    }

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        words = ["rollback"]
        # In one word, or argparse takes a value with a leading dash for an option.
        words += [f"--{flag}={args[flag]}" for flag in ("to", "reason", "by") if args[flag]]
        if self._task.check_mode:
            words.append("--dry-run")
        with self.telling(args["service"], host):
            return finished(self.ask(args["service"], *words))
