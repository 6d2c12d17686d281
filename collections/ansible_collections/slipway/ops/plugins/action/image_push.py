# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.image_push. It needs no connection."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.modules import image_push
from ansible_collections.slipway.ops.plugins.plugin_utils.options import DocumentedAction
from ansible_collections.slipway.ops.plugins.plugin_utils.versions import check_version

try:
    import docker
    from docker.errors import DockerException
except ImportError:
    HAS_DOCKER = False
else:
    HAS_DOCKER = True


class ActionModule(DocumentedAction):
    _requires_connection = False
    MODULE = image_push

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        if not HAS_DOCKER:
            raise AnsibleActionFail(missing_required_lib("docker"))
        check_version(args["version"])
        if not args["images"]:
            raise AnsibleActionFail(f"Failed to push {args['version']}: the option images is empty.")
        try:
            return self._push(args)
        except (RegistryError, registry.NotInRegistry, DockerException) as error:
            raise AnsibleActionFail(str(error)) from error

    def _push(self, args: dict[str, Any]) -> dict[str, Any]:
        where = {name: args[name] for name in ("registry", "repository", "version")}
        target = f"{where['registry']}/{where['repository']}"
        name = f"{target}:{where['version']}"
        session = Session.of(args["aws"])
        auth = registry.credentials(session)
        if taken := existing(session, auth, where):
            raise AnsibleActionFail(
                f"Failed to push {name}: the registry has it already ({taken}) and versions are never overwritten. "
                "Choose the next version."
            )
        if self._task.check_mode:
            return {"changed": True, "digest": ""}
        images = args["images"]
        for platform, image in images.items():
            check_platform(platform, image)
        if len(images) == 1:
            pushed = push(next(iter(images.values())), target, where["version"], auth)
        else:
            pushed = push_index(session, auth, where, images)
        found = registry.digest(session, auth, **where)
        if pushed != found:
            raise AnsibleActionFail(f"Failed to push {name}: pushed {pushed}, but the registry has {found}.")
        return {"changed": True, "digest": found, "image": f"{target}@{found}"}


def existing(session: Session, auth: registry.Credentials, where: dict[str, str]) -> str:
    """The digest that the registry has for the version; empty if it has none."""
    try:
        return registry.digest(session, auth, **where)
    except registry.NotInRegistry:
        return ""


def push(image: str, target: str, version: str, auth: registry.Credentials) -> str:
    """Tag and push. Returns the digest that Docker reports. Raises DockerException, RegistryError."""
    client = docker.from_env(timeout=600)
    client.images.get(image).tag(target, tag=version)
    account = {"username": auth.username, "password": auth.password}
    pushed = ""
    for line in client.images.push(target, tag=version, auth_config=account, stream=True, decode=True):
        if "error" in line:
            raise RegistryError(f"Failed to push {target}:{version}: {line['error']}")
        pushed = line.get("aux", {}).get("Digest", pushed)
    return pushed


def check_platform(platform: str, image: str) -> None:
    """Raises RegistryError when a local image is for another platform than it should be; DockerException."""
    details = docker.from_env().images.get(image).attrs
    built = f"{details.get('Os', '')}/{details.get('Architecture', '')}"
    if built != platform:
        raise RegistryError(
            f"Failed to push {image}: it was built for {built}, not for {platform}, because its base image on this "
            f"machine is for {built}. Pull the base image with `docker pull --platform {platform}`, or name one in "
            "build_base_images, and build again."
        )


def push_index(session: Session, auth: registry.Credentials, where: dict[str, str], images: dict[str, str]) -> str:
    """Push each image (platform → local name) by a tag of its own, and all of them as the version: its digest."""
    place = {name: where[name] for name in ("registry", "repository")}
    target = f"{where['registry']}/{where['repository']}"
    parts = {}
    for platform, image in images.items():
        # By content: tags are immutable, and a build that is repeated after a failure may differ.
        content = str(docker.from_env().images.get(image).id).partition(":")[2][:12]
        part = f"platform-{platform.partition('/')[2]}-{content}"
        digest = existing(session, auth, {**place, "version": part}) or push(image, target, part, auth)
        parts[platform] = registry.manifest(session, auth, **place, reference=digest)
        if parts[platform].digest != digest:
            raise RegistryError(
                f"Failed to push {image}: pushed {digest}, but the registry has {parts[platform].digest}."
            )
    found = registry.index(parts)
    registry.put(session, auth, **place, reference=where["version"], manifest=found)
    return found.digest
