#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: converged
short_description: See whether a host is as several roles want it
description:
  - Asks a host once what the roles would ask one after the other by M(slipway.ops.look), so that none of their tasks
    needs to run where nothing is to be done.
  - A role says what it wants in C(_<role>_wanted) (the options of M(slipway.ops.look)), and in C(_<role>_differs)
    whether, by what was seen (C(__<role>_look)), anything is to be done. The play imports the roles, so that their
    variables are there.
  - Where what a role wants cannot be worked out, the host is not converged. The role says what is wrong.
  - Reads only, also in check mode. The work is that of the action plugin of the same name.
options:
  roles:
    description: Names of the roles.
    type: list
    elements: str
    required: true
  turns:
    description: Roles that a host has several times, each with the values of its C(<role>_turn).
    type: dict
    default: {}
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: See whether anything is to be done
  slipway.ops.converged:
    roles: [baseline, edge]
    turns: {release: [inference, another]}
  register: site_look
"""

RETURN = r"""
converged:
  description: Whether nothing is to be done.
  type: bool
  returned: always
  sample: true
differing:
  description: Roles that have something to do, or that could not be asked.
  type: list
  elements: str
  returned: always
  sample: [edge]
because:
  description: Why what they want could not be worked out.
  type: str
  returned: when that is so
  sample: "'edge_domains' is undefined"
"""
