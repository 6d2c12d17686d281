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
  - Fails if no canary runs, except for O(command=status).
options:
  command:
    description:
      - V(promote) routes all traffic to the candidate now, V(abort) ends the canary, V(hold) keeps the traffic weight
        until the next V(promote) or V(abort), V(status) only reports the step.
    type: str
    choices: [promote, abort, hold, status]
    default: status
  by:
    description: Operator, recorded in the history.
    type: str
    default: ""
attributes:
  action:
    description: Whether an action plugin of the same name does the work.
    support: full
  async:
    description: Whether it can run with the keyword C(async).
    support: none
  check_mode:
    description: Whether it predicts its result in check mode and changes nothing.
    support: full
  diff_mode:
    description: Whether it returns what changes, or would change, as C(diff).
    support: none
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Report the step of the canary
  slipway.ops.canary:

- name: Abort the canary
  slipway.ops.canary:
    command: abort
"""

RETURN = r"""
canary:
  description: The last published state of the canary; empty when none runs.
  type: dict
  returned: always
  sample: {"version": "v1.4.2", "slot": "green", "percent": 5, "state": "watching"}
message:
  description: The same as a sentence.
  type: str
  returned: always
  sample: "accepted abort: v1.4.2 on green gets 5 %"
"""
