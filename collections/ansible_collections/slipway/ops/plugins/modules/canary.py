#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: canary
short_description: Control a running canary
description:
  - The engine that runs the canary receives the command within a second.
  - Fails if no canary runs, except with C(status).
options:
  word:
    description:
      - C(promote) routes all traffic to the candidate now, C(abort) ends the canary, C(hold) keeps the traffic weight
        until one of the other two, C(status) only reports the step.
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
- name: Report the step of the canary
  slipway.ops.canary:

- name: Abort the canary
  slipway.ops.canary:
    word: abort
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
  sample: "accepted abort: v1.4.2 on green gets 5 %"
"""
