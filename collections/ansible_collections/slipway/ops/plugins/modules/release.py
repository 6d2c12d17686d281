#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a version of a service the live one on a host
description:
  - Resolves the version to an image digest on the controller (ECR token by boto3, manifest from the registry), then
    hands the host one request. The engine there pulls, starts, gates, switches and drains, or leaves the old release
    serving.
  - When the registry cannot be asked, a version that the host has a record of is still made live, as tags are
    immutable.
  - In check mode nothing is changed and C(diff) shows what would be.
options:
  version:
    description: The version to make live, for example C(v1.4.2).
    type: str
    required: true
  env:
    description: Environment of the container.
    type: dict
    default: {}
  secrets:
    description: Secret environment of the container; kept in a file of mode 0600, never shown.
    type: dict
    default: {}
  options:
    description: Limits and run options of the container (see docs/releasectl.md).
    type: dict
    default: {}
  gates:
    description: What the candidate must pass before it gets traffic (see docs/releasectl.md).
    type: dict
    default: {}
  strategy:
    description:
      - How the traffic gets to the release, at once, share by share, or with the old release stopped first.
      - When not given, as the host is configured.
    type: str
    choices: [blue_green, canary, stop_first]
  canary:
    description: What a canary does (see docs/releasectl.md). Only read when O(strategy=canary).
    type: dict
    default: {}
  kept_as:
    description:
      - Further tag that the registry gives the image once it is live, where its lifecycle keeps images by it.
      - That it could not be given is a warning.
    type: str
    default: ""
  prefetch:
    description: Only pull the image, so that a later deployment does not wait for it.
    type: bool
    default: false
  model_version:
    description: Version of the model that the release serves, when it is not part of the image.
    type: str
  reason:
    description: Why, for the history.
    type: str
    default: ""
  by:
    description: Who, for the history. The controller's user and host name when not given.
    type: str
extends_documentation_fragment: [slipway.ops.service, slipway.ops.image, slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Make v1.4.2 live
  slipway.ops.release:
    version: v1.4.2
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    reason: fixes the slow batch path

- name: Give v1.4.2 the traffic share by share
  slipway.ops.release:
    version: v1.4.2
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    strategy: canary
    canary: {steps: [5, 25, 50], step_s: 30}
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
  description: The release that the call was about.
  type: dict
  returned: when there is one
  sample: {"id": 3, "version": "v1.4.2", "digest": "sha256:0123…"}
phases:
  description: Name and duration (seconds) of each phase.
  type: list
  elements: dict
  returned: always
  sample: [{"name": "switch", "seconds": 0.012}]
logs:
  description: The candidate's last log lines, when it failed.
  type: list
  elements: str
  returned: on failure
  sample: ["model file not found"]
report:
  description: What a person wants to know at the end, and sees while the playbook runs.
  type: list
  elements: str
  returned: always
  sample: ["inference-1: v1.0.0 → v1.1.0 is live"]
"""
