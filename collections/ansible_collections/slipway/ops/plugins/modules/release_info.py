#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read what is live on a host, and its history
description: Reads only. What a person sees is C(text); what a program wants is C(status) and C(history).
options:
  history:
    description: How many ended rollouts to read.
    type: int
    default: 5
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Read what is live
  slipway.ops.release_info:
  register: release
"""

RETURN = r"""
status:
  description: The document of C(releasectl status --json).
  type: dict
  returned: always
  sample: {"live": {"release": {"version": "v1.0.0"}, "slot": "blue"}, "healthy": true}
history:
  description: The newest ended rollouts, newest first.
  type: list
  elements: dict
  returned: always
  sample: [{"release": {"version": "v1.0.0"}, "kind": "deploy", "outcome": "live"}]
text:
  description: Both as a person reads them.
  type: str
  returned: always
  sample: "inference  v1.0.0 live on blue"
"""
