#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Make a recorded release of a service live again
description:
  - The same transaction as a deployment, with a release that the host has a record of. Needs no registry and no AWS.
  - Refuses a release that the host has no record of, and lists the recorded ones.
options:
  to:
    description: Version or release id. By default, the release that was live before.
    type: str
  reason:
    description: Reason, recorded in the history.
    type: str
    default: ""
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
    support: full
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Roll back to the release before
  slipway.ops.rollback:
    reason: error rate doubled

- name: Roll back to v1.0.0
  slipway.ops.rollback:
    to: v1.0.0
"""

RETURN = r"""
outcome:
  description: Outcome of the rollout, C(live) or C(unchanged), or C(would_change) in check mode.
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
  returned: if there is one
  sample: {"id": 1, "version": "v1.0.0", "digest": "sha256:0123…"}
previous:
  description: The release that was live before.
  type: dict
  returned: if there was one
  sample: {"id": 2, "version": "v1.1.0", "digest": "sha256:0123…"}
phases:
  description: Name and duration (seconds) of each phase.
  type: list
  elements: dict
  returned: always
  sample: [{"name": "switch", "seconds": 0.012}]
"""
