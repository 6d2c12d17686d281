#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: canary
short_description: Speak to the canary that runs on a host
description:
  - The engine that runs the canary hears it at its next look, within a second.
  - Fails when no canary runs, but for C(status).
options:
  command:
    description:
      - C(promote) gives the candidate all the traffic now, C(abort) takes its share away, C(hold) keeps the share as
        it is until somebody says one of the other two, C(status) only tells where it stands.
    type: str
    choices: [promote, abort, hold, status]
    default: status
  by:
    description: Who, for the record.
    type: str
    default: ""
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: See where it stands
  slipway.ops.canary:

- name: Enough of it
  slipway.ops.canary:
    command: abort
"""

RETURN = r"""
canary:
  description: What the engine showed last; nothing when no canary runs.
  type: dict
  returned: always
  sample: {"version": "v1.4.2", "slot": "green", "percent": 5, "state": "watching"}
message:
  description: The same in words.
  type: str
  returned: always
  sample: "told to abort: v1.4.2 on green gets 5 %"
"""
