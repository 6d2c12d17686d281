#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Make a recorded release of a service the live one again
description:
  - The same transaction as a deployment, with a release that the host has a record of. Needs no registry and no AWS.
  - Refuses what the host has no record of, and lists what it has.
options:
  to:
    description: Version or release id. When not given, the release that was live before.
    type: str
  reason:
    description: Why, for the history.
    type: str
    default: ""
  by:
    description: Who, for the history.
    type: str
    default: ""
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Take it back
  slipway.ops.rollback:
    reason: error rate doubled

- name: Take it back to v1.0.0
  slipway.ops.rollback:
    to: v1.0.0
"""

RETURN = r"""
outcome:
  description: What came of it, C(live) or C(unchanged), or C(would_change) in check mode.
  type: str
  returned: always
  sample: live
code:
  description: Exit code of releasectl, see docs/releasectl.md.
  type: int
  returned: always
  sample: 0
release:
  description: The release that is live now.
  type: dict
  returned: when there is one
  sample: {"id": 1, "version": "v1.0.0", "digest": "sha256:0123…"}
previous:
  description: The release that was live before.
  type: dict
  returned: when there is one
  sample: {"id": 2, "version": "v1.1.0", "digest": "sha256:0123…"}
phases:
  description: Name and duration (seconds) of each phase.
  type: list
  elements: dict
  returned: always
  sample: [{"name": "switch", "seconds": 0.012}]
"""
