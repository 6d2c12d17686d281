#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: service_check
short_description: Run the smoke test of a service
description:
  - Reads from the host which release is live, then requests the version and the golden requests of that release by the
    service's public name, from the controller. Fails at the first reply that does not match the record.
  - During a rollout or a canary, replies may be the candidate's. They only need to have the right status.
options:
  url:
    description: Public address of the service, without a path.
    type: str
    required: true
  secrets:
    description:
      - Values for the headers of golden requests that refer to a secret. A reference, as M(slipway.ops.secret_info) has
        it, is read from AWS if a header needs it.
    type: dict
    default: {}
  ca_path:
    description: File with the CA certificates to trust, instead of the controller's.
    type: path
  timeout_s:
    description: Timeout of each request, in seconds.
    type: float
    default: 10.0
attributes:
  action:
    description: Whether an action plugin of the same name does the work.
    support: full
  async:
    description: Whether it can run with the keyword C(async).
    support: none
  check_mode:
    description: Whether it predicts its result in check mode and changes nothing.
    support: none
    details: Skipped in check mode, as nothing was deployed to test.
  diff_mode:
    description: Whether it returns what changes, or would change, as C(diff).
    support: none
extends_documentation_fragment: [slipway.ops.service, slipway.ops.aws]
requirements:
  - releasectl, from the repository of this collection (tools/bootstrap installs it)
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Run the smoke test
  slipway.ops.service_check:
    url: https://inference.example.com
"""

RETURN = r"""
version:
  description: The live version.
  type: str
  returned: success
  sample: v1.4.2
message:
  description: The reply to the first golden request, and what it was compared with.
  type: str
  returned: success
  sample: 'https://inference.example.com/predict answers {"predictions": []} (v1.4.2, as recorded; golden requests: 5)'
report:
  description: Summary for people, one entry per line. The callback P(slipway.ops.rollout_progress#callback) prints it.
  type: list
  elements: str
  returned: success
  sample: ["inference-1: https://inference.example.com/predict answers …"]
"""
