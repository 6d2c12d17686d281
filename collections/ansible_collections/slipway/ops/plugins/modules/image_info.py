#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Read which versions of an image the registry has
description: Reads only. Asks ECR for a token by boto3 and the registry for its tags.
options:
  version:
    description: A version to look up.
    type: str
    required: true
extends_documentation_fragment: [slipway.ops.image, slipway.ops.aws]
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Look v1.4.2 up
  slipway.ops.image_info:
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2
"""

RETURN = r"""
exists:
  description: Whether the registry has the version.
  type: bool
  returned: always
  sample: true
digest:
  description: The digest that the version's tag names, empty when there is none.
  type: str
  returned: always
  sample: sha256:0123…
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils import options, registry  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session  # noqa: E402


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "registry": {"type": "str", "required": True},
            "repository": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "aws": options.AWS,
        },
        supports_check_mode=True,
    )
    where = {name: module.params[name] for name in ("registry", "repository", "version")}
    try:
        session = Session.of(module.params["aws"])
        found = registry.digest(session, registry.credentials(session), **where)
    except registry.NotInRegistry:
        found = ""
    except RegistryError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, exists=bool(found), digest=found)


if __name__ == "__main__":
    main()
