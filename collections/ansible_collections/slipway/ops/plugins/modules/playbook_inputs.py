#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: playbook_inputs
short_description: Validate what a playbook was given on the command line
description:
  - Reads the values of C(-e), converts and validates them by O(options), and returns them with their defaults.
  - Fails on a name that is neither an option nor a variable of a role or of the inventory, with the closest known
    ones. C(ansible.builtin.validate_argument_spec) sees only what a play passes to it, so a misspelt name goes
    unnoticed there.
  - Fails on a variable of an earlier version, in C(-e) or in the inventory, with its new name.
  - Runs on the controller alone and changes nothing. The work is that of the action plugin of the same name.
options:
  options:
    description:
      - Name → C(type), C(elements), C(choices), C(default), C(required), as in an argument spec, and C(description).
      - C(verbatim=true) keeps a text as it was given. It is never evaluated as a template, and what Ansible splits off
        from C(-e reason='two words') is put back, with a warning.
      - An option without a default that is not given is null.
    type: dict
    required: true
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
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Validate the inputs
  slipway.ops.playbook_inputs:
    options:
      service: {type: str, choices: "{{ services | list }}", default: "{{ default_service }}"}
      steps: {type: list, elements: int, description: Percentages of a canary}
      reason: {type: str, verbatim: true, default: ""}
  register: deploy_inputs
  run_once: true
"""

RETURN = r"""
inputs:
  description: Every option with its value.
  type: dict
  returned: always
  sample: {"service": "inference", "steps": [5, 25], "reason": ""}
"""
