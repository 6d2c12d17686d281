# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: connection_help
type: aggregate
short_description: Print what to do about unreachable hosts
description:
  - At the end of a run, prints the variable C(connection_help) of each host that Ansible could not connect to.
  - With a C(ProxyCommand), Ansible does not show its error output, because an SSH master connection discards it.
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
author: [Slipway (@slipway)]
"""

from typing import Any  # noqa: E402

from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible.utils.display import Display  # noqa: E402

VARIABLE = "connection_help"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slipway.ops.connection_help"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.play: Any = None

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self.play = play

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if not stats.dark:
            return
        hostvars = self.play.get_variable_manager().get_vars(play=self.play)["hostvars"]
        for host in sorted(stats.dark):
            if text := hostvars[host].get(VARIABLE):
                Display().display(f"{host} cannot be reached. {text}", stderr=True)
