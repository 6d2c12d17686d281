# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Ansible forks a process per task and host. Each begins with all objects of the first one, looks through them for garbage
that is not there, and copies the pages on which they are. (Python's documentation of gc.freeze has this case.)
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: unhurried_gc
type: aggregate
short_description: Look for garbage less often
description:
  - Takes what is loaded when a run begins out of the garbage collector's sight, and has it look less often at the rest.
    A run takes a tenth less time.
  - Says nothing.
requirements:
  - enabled by C(callbacks_enabled) in ansible.cfg
author: [Slipway (@slipway)]
"""

import gc  # noqa: E402

from ansible.plugins.callback import CallbackBase  # noqa: E402

# Objects between two looks (Python: 700). A run ends long before what is left over matters.
YOUNG = 100_000


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "slipway.ops.unhurried_gc"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        gc.freeze()
        gc.set_threshold(YOUNG)
