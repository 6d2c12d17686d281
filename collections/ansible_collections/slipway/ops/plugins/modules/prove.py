#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: prove
short_description: Prove from the controller that a service answers as recorded
description:
  - Asks the host what is live, then its public name for the version and for the golden requests that the live release
    was deployed with. Fails with the first answer that is not as recorded.
  - While a rollout or a canary goes on, answers may be the candidate's. They only have to come, with the right status.
  - Changes nothing. In check mode it is skipped. The work is that of the action plugin of the same name.
options:
  url:
    description: Where its clients ask, without a path.
    type: str
    required: true
  secrets:
    description: Values for the headers of golden requests that name one.
    type: dict
    default: {}
  ca_path:
    description: File with the authorities to trust, instead of the controller's.
    type: path
  timeout_s:
    description: Seconds that each answer may take.
    type: float
    default: 10.0
extends_documentation_fragment: [slipway.ops.service]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Prove that it answers
  slipway.ops.prove:
    url: https://inference.example.com
  register: proof
"""

RETURN = r"""
version:
  description: The live version.
  type: str
  returned: success
  sample: v1.4.2
message:
  description: The answer to the first golden request, and what it was compared with.
  type: str
  returned: success
  sample: 'https://inference.example.com/predict answers {"predictions": []} (v1.4.2, as recorded; golden requests: 5)'
report:
  description: The same for a person, who sees it while the playbook runs.
  type: list
  elements: str
  returned: success
  sample: ["inference-1: https://inference.example.com/predict answers …"]
"""
