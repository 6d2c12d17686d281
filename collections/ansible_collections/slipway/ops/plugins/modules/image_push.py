#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_push
short_description: Push a built image to the registry as a version
description:
  - Runs on the controller. Pushes with the ECR token, by the Docker SDK. Never overwrites a version.
  - Compares the digest of the push with that in the registry afterwards.
options:
  images:
    description:
      - The local images to push, by platform. Each must have been built for its platform.
      - Several are pushed as one index. Each of them also gets a tag of its own, C(platform-ARCHITECTURE-CONTENT).
    type: dict
    required: true
  version:
    description: The version, which becomes the tag.
    type: str
    required: true
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
extends_documentation_fragment: [slipway.ops.registry, slipway.ops.aws]
requirements:
  - docker
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Push v1.4.2
  slipway.ops.image_push:
    images:
      linux/amd64: inference:v1.4.2
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2

- name: Push v1.4.2 for two platforms
  slipway.ops.image_push:
    images:
      linux/amd64: inference:v1.4.2-amd64
      linux/arm64: inference:v1.4.2-arm64
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2
"""

RETURN = r"""
digest:
  description: The digest of the pushed image, or of the index of several; empty in check mode.
  type: str
  returned: always
  sample: sha256:0123…
image:
  description: The image by digest.
  type: str
  returned: success
  sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0123…
"""
