#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: secret_info
short_description: Read the secrets that a service names by reference
description:
  - Changes nothing. Runs on the controller. Reads from AWS Secrets Manager and SSM Parameter Store by boto3, twenty
    secrets and ten parameters with a call, and only if O(secrets) has a reference. Use C(no_log) with it.
  - A reference is a dictionary with C(secretsmanager), the name or ARN of a secret, and optionally C(key), of the JSON
    object that the secret holds; or with C(ssm), the name or ARN of a parameter. The current version is read.
  - Needs the permissions C(secretsmanager:BatchGetSecretValue), C(secretsmanager:GetSecretValue),
    C(ssm:GetParameters), and C(kms:Decrypt) where the secret has a key of its own.
options:
  secrets:
    description: Secret environment of a container, name → text or reference.
    type: dict
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
extends_documentation_fragment: [slipway.ops.service, slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Read the secrets
  slipway.ops.secret_info:
    secrets:
      API_TOKEN: {secretsmanager: slipway-prod/api-token}
      DATABASE_PASSWORD: {secretsmanager: slipway-prod/database, key: password}
      UPSTREAM_URL: {ssm: /slipway/slipway-prod/upstream-url}
  register: found
  no_log: true
"""

RETURN = r"""
secrets:
  description: The same names, each with its value.
  type: dict
  returned: always
  sample: {"API_TOKEN": "…"}
versions:
  description: Of each reference the C(source) and the C(version) of the value that was read.
  type: dict
  returned: always
  sample: {"API_TOKEN": {"source": "secretsmanager:slipway-prod/api-token", "version": "7d9f6c2e-…"}}
"""
