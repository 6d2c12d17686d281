# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Ansible forks a process per task and host. Each inherits all objects of the first one, searches them for garbage that is
not there, and by that copies the pages that hold them. The documentation of Python's gc.freeze describes this case.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: gc_tuning
type: aggregate
short_description: Collect garbage less often
description:
  - Excludes from garbage collection what is loaded when a run begins, and collects the rest less often.
  - Prints nothing.
options:
  enabled:
    description: Whether to tune at all.
    type: bool
    default: true
    env:
      - name: SLIPWAY_GC_TUNING
    ini:
      - section: callback_gc_tuning
        key: enabled
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
author: [Slipway (@slipway)]
"""

import gc  # noqa: E402
from typing import Any  # noqa: E402

from ansible.plugins.callback import CallbackBase  # noqa: E402

# Objects between two collections (Python: 700). A run ends long before the garbage matters.
THRESHOLD = 100_000


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slipway.ops.gc_tuning"
    CALLBACK_NEEDS_ENABLED = True

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        if self.get_option("enabled"):
            gc.freeze()
            gc.set_threshold(THRESHOLD)
