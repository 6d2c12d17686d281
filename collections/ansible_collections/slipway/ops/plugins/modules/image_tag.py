#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_tag
short_description: Give an image in the registry a further tag
description:
  - Runs on the controller. The registry's lifecycle policy retains images by such a tag.
  - A failure is a warning, because the release is live without the tag. The next run tries again.
options:
  image:
    description: The image by digest, C(registry/repository@sha256:…).
    type: str
    required: true
  tag:
    description: The tag.
    type: str
    required: true
  registry_auth:
    description: User name and password, as M(slipway.ops.image_info) returns them. By default, a new token.
    type: dict
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
extends_documentation_fragment: [slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Retain the image of v1.4.2
  slipway.ops.image_tag:
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0123…
    tag: deployed-prod-v1.4.2
"""

RETURN = r"""
error:
  description: Why the image could not be tagged. Empty if it was.
  type: str
  returned: always
  sample: ""
"""
