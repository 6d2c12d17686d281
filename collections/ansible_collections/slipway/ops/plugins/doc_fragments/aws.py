# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the AWS API is reached: the option of every module and lookup that asks it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  aws:
    description:
      - How to reach the AWS API and the registry. What is not given is boto3's default.
      - Requests go through the proxy of E(HTTPS_PROXY), but for the hosts of E(NO_PROXY).
    type: dict
    default: {}
    suboptions:
      region:
        description: Region of the account.
        type: str
      endpoint_url:
        description: Address of the AWS API, in place of AWS's own.
        type: str
      ca_bundle:
        description:
          - File with the CA certificates to verify against.
          - When not given, that of E(AWS_CA_BUNDLE) or of the profile, then E(REQUESTS_CA_BUNDLE) or E(CURL_CA_BUNDLE).
        type: path
      access_key:
        description:
          - Access key. With it, and O(aws.secret_key), no profile and no file of AWS settings is read.
        type: str
      secret_key:
        description: Secret key.
        type: str
      profile:
        description: Profile of the AWS configuration. When not given, that of E(AWS_PROFILE).
        type: str
requirements:
  - boto3
  - requests
"""
