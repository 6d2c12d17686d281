#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a version of a service live on a host
description:
  - Sends one request to the engine on the host, which pulls the image, starts a candidate, checks it, switches the
    traffic and drains the old slot, or leaves the old release live.
  - M(slipway.ops.image_info) resolves a version to its image. Without O(image), only a version that the host has a
    record of can be made live.
options:
  version:
    description: The version to make live, for example V(v1.4.2).
    type: str
    required: true
  image:
    description: The image of that version, by digest. Empty if it is not known.
    type: str
    default: ""
  image_error:
    description: Why the image is not known, for the message of a failure.
    type: str
    default: ""
  registry_auth:
    description: User name and password for the pull, as M(slipway.ops.image_info) returns them.
    type: dict
  env:
    description: Environment of the container.
    type: dict
    default: {}
  secrets:
    description:
      - Secret environment of the container. Only in a file of mode 0600 on the host, and never shown.
      - M(slipway.ops.secret_info) reads the values of references.
    type: dict
    default: {}
  secret_versions:
    description:
      - Of the secrets that were read by reference, where and in which version, as M(slipway.ops.secret_info) returns
        it. Recorded with the release.
    type: dict
    default: {}
  options:
    description: Limits and run options of the container (see docs/releasectl.md).
    type: dict
    default: {}
  gates:
    description: The checks that a candidate passes before it gets traffic (see docs/releasectl.md).
    type: dict
    default: {}
  strategy:
    description:
      - Whether the release gets all traffic at once, step by step, or after the old release has stopped.
      - By default, as the host is configured.
    type: str
    choices: [blue_green, canary, stop_first]
  canary:
    description: The steps and limits of a canary (see docs/releasectl.md). Only read if O(strategy=canary).
    type: dict
    default: {}
  forward_only:
    description: Refuse to replace a newer version, for a deploy without an explicit version.
    type: bool
    default: false
  inventory_version:
    description:
      - The version that the inventory has for the service, recorded on the host, so that status reports when a
        different version is live. Empty if the inventory has none. By default, the host keeps the recorded one.
    type: str
  prefetch:
    description: Only pull the image, so that a later deployment does not wait for it.
    type: bool
    default: false
  model:
    description:
      - How the host gets the model that the release serves, if it does not have it yet. The options of
        M(slipway.ops.model_fetch).
    type: dict
    default: {}
  model_version:
    description: Version of the model that the release serves, if it is not part of the image.
    type: str
  reason:
    description: Reason, recorded in the history.
    type: str
    default: ""
  by:
    description: Operator, recorded in the history. By default, the controller's user and host name.
    type: str
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
- name: Resolve v1.4.2
  slipway.ops.image_info:
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2
    credentials: true
  register: found
  no_log: true

- name: Make v1.4.2 live
  slipway.ops.release:
    version: v1.4.2
    image: "{{ found.image }}"
    registry_auth: "{{ found.registry_auth }}"
    reason: fixes the slow batch path

- name: Give v1.4.2 the traffic step by step
  slipway.ops.release:
    version: v1.4.2
    image: "{{ found.image }}"
    registry_auth: "{{ found.registry_auth }}"
    strategy: canary
    canary: {steps: [5, 25, 50], step_s: 30}
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
  description: The release that the request was about.
  type: dict
  returned: if there is one
  sample: {"id": 3, "version": "v1.4.2", "digest": "sha256:0123…"}
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
logs:
  description: The last log lines of the candidate.
  type: list
  elements: str
  returned: on failure
  sample: ["model file not found"]
report:
  description: Summary for people, one entry per line. The callback P(slipway.ops.rollout_progress#callback) prints it.
  type: list
  elements: str
  returned: success
  sample: ["inference-1: v1.0.0 → v1.1.0 is live"]
"""
