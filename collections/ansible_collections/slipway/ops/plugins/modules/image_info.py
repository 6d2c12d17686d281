#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Resolve a version to its image in the registry
description:
  - Changes nothing. Runs on the controller. Gets a token from ECR by boto3, and queries the registry with it.
  - Fails if the registry does not have the version. An unreachable registry is not a failure but an RV(error), as a
    host may have a record of the version.
options:
  version:
    description: The version to resolve.
    type: str
    required: true
  retention_tag:
    description: A tag by which the registry's lifecycle policy retains the image. RV(tagged) reports whether it is set.
    type: str
    default: ""
  credentials:
    description: Whether to return the pull token. Use C(no_log) with it.
    type: bool
    default: false
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
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Resolve v1.4.2
  slipway.ops.image_info:
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2
"""

RETURN = r"""
image:
  description: The image by digest. Empty if it is not known.
  type: str
  returned: always
  sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0123…
version:
  description: The version that was resolved.
  type: str
  returned: always
  sample: v1.4.2
tagged:
  description: Whether the registry already has O(retention_tag). True if none was given.
  type: bool
  returned: always
  sample: true
registry_auth:
  description: User name and password for a pull. Empty unless O(credentials=true).
  type: dict
  returned: always
  sample: {"username": "AWS", "password": "…"}
available_versions:
  description: The versions that the registry has, if it does not have this one.
  type: list
  elements: str
  returned: always
  sample: ["v1.4.0", "v1.4.1"]
error:
  description: Why the registry could not be queried. Empty if it could.
  type: str
  returned: always
  sample: "Failed to query the registry …: timed out"
"""
