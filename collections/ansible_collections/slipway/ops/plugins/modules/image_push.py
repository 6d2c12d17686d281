#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_push
short_description: Push a built image to the registry as a version
description:
  - Pushes with the ECR token, by the Docker SDK. A version that the registry already has is never overwritten.
  - The digest that the push reports is compared with what the registry says afterwards.
options:
  image:
    description: The local image to push.
    type: str
    required: true
  version:
    description: The version, which becomes the tag.
    type: str
    required: true
extends_documentation_fragment: [slipway.ops.image, slipway.ops.aws]
requirements:
  - docker
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Push v1.4.2
  slipway.ops.image_push:
    image: inference:v1.4.2
    registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
    repository: inference
    version: v1.4.2
"""

RETURN = r"""
digest:
  description: The digest of the pushed image, empty in check mode.
  type: str
  returned: always
  sample: sha256:0123…
image:
  description: The image by digest.
  type: str
  returned: success
  sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/inference@sha256:0123…
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils import options, registry  # noqa: E402
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session  # noqa: E402

try:
    import docker
    from docker.errors import DockerException
except ImportError:
    HAS_DOCKER = False
else:
    HAS_DOCKER = True


def push(image: str, target: str, version: str, auth: registry.Credentials) -> str:
    """Tag and push; returns the digest that the engine reports. Raises DockerException, RegistryError."""
    client = docker.from_env(timeout=600)
    client.images.get(image).tag(target, tag=version)
    account = {"username": auth.username, "password": auth.password}
    pushed = ""
    for line in client.images.push(target, tag=version, auth_config=account, stream=True, decode=True):
        if "error" in line:
            raise RegistryError(f"Failed to push {target}:{version}: {line['error']}")
        pushed = line.get("aux", {}).get("Digest", pushed)
    return pushed


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "image": {"type": "str", "required": True},
            "registry": {"type": "str", "required": True},
            "repository": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "aws": options.AWS,
        },
        supports_check_mode=True,
    )
    if not HAS_DOCKER:
        module.fail_json(msg=missing_required_lib("docker"))
    given = module.params
    where = {name: given[name] for name in ("registry", "repository", "version")}
    target = f"{where['registry']}/{where['repository']}"
    try:
        session = Session.of(given["aws"])
        auth = registry.credentials(session)
        try:
            taken = registry.digest(session, auth, **where)
            module.fail_json(
                msg=f"Failed to push {target}:{where['version']}: the registry has it already ({taken}) and versions "
                "are never overwritten. Choose the next version."
            )
        except registry.NotInRegistry:
            pass
        if module.check_mode:
            module.exit_json(changed=True, digest="")
        pushed = push(given["image"], target, where["version"], auth)
        found = registry.digest(session, auth, **where)
    except (RegistryError, registry.NotInRegistry, DockerException) as error:
        module.fail_json(msg=str(error))
    if pushed != found:
        name = f"{target}:{where['version']}"
        module.fail_json(msg=f"Failed to push {name}: pushed {pushed}, but the registry has {found}.")
    module.exit_json(changed=True, digest=found, image=f"{target}@{found}")


if __name__ == "__main__":
    main()
