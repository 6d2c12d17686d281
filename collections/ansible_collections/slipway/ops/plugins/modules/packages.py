#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install packages of the distribution
description:
  - M(ansible.builtin.apt) as all roles want it, without recommended packages, with lists not older than a day, and
    waiting five minutes for another apt. What is installed stays at its version.
  - In check mode on a host where apt cannot say what it would do (no python3-apt, no lists), that is a change.
  - The work is that of the action plugin of the same name.
options:
  names:
    description: Names of the packages, as M(slipway.ops.look) has found them missing. None is fine.
    type: list
    elements: str
    required: true
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Install HAProxy
  slipway.ops.packages:
    names: [haproxy]
"""

RETURN = r"""
msg:
  description: Why a check could not see more.
  type: str
  returned: in check mode, where apt failed
  sample: "A check cannot see more than that they are missing: python3-apt must be installed to use check mode"
"""
