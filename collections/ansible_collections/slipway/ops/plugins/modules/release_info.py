#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read the live release of a service, and its history
description:
  - Changes nothing. RV(text) is for people, RV(status) and RV(history) are for programs.
options:
  inventory_version:
    description:
      - The version that the inventory has for the service; RV(text) reports when a different version is live.
      - By default, the version that the last deploy has recorded on the host.
    type: str
    default: ""
  history:
    description: Number of finished rollouts to read.
    type: int
    default: 5
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
- name: Read the live release
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
  description: Finished rollouts, newest first.
  type: list
  elements: dict
  returned: always
  sample: [{"release": {"version": "v1.0.0"}, "kind": "deploy", "outcome": "live"}]
text:
  description: Both as text.
  type: str
  returned: always
  sample: "inference  v1.0.0 live on blue"
"""
