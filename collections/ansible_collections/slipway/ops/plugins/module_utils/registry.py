# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image registry, as ECR speaks it: a token by the AWS API, manifests by the registry's HTTP API.

Sources: ECR "Private registry authentication" (the token is HTTP Basic for the registry API); OCI Distribution
Specification 1.1, "Pulling manifests", "Pushing Manifests" and "Listing tags".
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.slipway.ops.plugins.module_utils import web
from ansible_collections.slipway.ops.plugins.module_utils.session import TIMEOUT_S, RegistryError, Session

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_TYPES = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST))


class NotInRegistry(Exception):
    """The registry answered: it has no such version."""


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry stores it. Its digest is that of these very bytes."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


def credentials(session: Session) -> Credentials:
    """Ask the AWS API for the registry's token (valid 12 hours)."""
    with session.explained("get an ECR token"):
        token = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        username, password = base64.b64decode(token).decode().split(":", 1)
    return Credentials(username, password)


def _advice(status: int) -> str:
    if status == 401:
        return (
            "The token was rejected. Check the identity (`aws sts get-caller-identity`) and the clock of this machine."
        )
    if status == 403:
        return (
            "The AWS identity lacks permission on this repository (ecr:BatchGetImage to read, ecr:PutImage to tag). "
            "Check its policy and the repository policy."
        )
    if status == 429:
        return "The registry limits the request rate. Wait a minute, then try again."
    if status >= 500:
        return "The registry has an internal error. Wait a minute, then try again (AWS: health.aws.amazon.com)."
    return "The response did not come from a registry. Check aws_registry in the inventory, and proxies in between."


def _ask(
    session: Session,
    auth: Credentials,
    registry: str,
    path: str,
    method: str = "GET",
    manifest: Manifest | None = None,
) -> Any:
    """The response (requests). `manifest`: to be written."""
    url = f"https://{registry}/v2/{path}"
    headers = {"Accept": MANIFEST_TYPES} if "/manifests/" in path else {}
    if manifest is not None:
        headers = {"Content-Type": manifest.media_type}
    action = "query" if manifest is None else "write to"
    try:
        answer = web.request(
            method,
            url,
            session.verify,
            auth=(auth.username, auth.password),
            headers=headers,
            data=None if manifest is None else manifest.content,
            timeout=TIMEOUT_S,
        )
    except web.WebError as error:
        raise RegistryError(f"Failed to {action} the registry {registry}: {error}") from error
    if answer.status_code == 404:
        raise NotInRegistry(path)
    if answer.status_code != (200 if manifest is None else 201):
        status = answer.status_code
        raise RegistryError(
            f"Failed to {action} the registry {registry}: it returned {status} for {path}. {_advice(status)}"
        )
    return answer


def digest(session: Session, auth: Credentials, registry: str, repository: str, version: str) -> str:
    """The digest that a version's tag names. Raises NotInRegistry, RegistryError."""
    answer = _ask(session, auth, registry, f"{repository}/manifests/{version}", "HEAD")
    found = str(answer.headers.get("Docker-Content-Digest", ""))
    if not found.startswith("sha256:"):
        raise RegistryError(f"The registry {registry} named no digest for {repository}:{version}")
    return found


def is_tagged(session: Session, auth: Credentials, registry: str, repository: str, version: str) -> bool:
    """Whether the registry says that there is such a tag."""
    try:
        digest(session, auth, registry, repository, version)
    except (NotInRegistry, RegistryError):
        return False
    return True


def versions(session: Session, auth: Credentials, registry: str, repository: str) -> list[str]:
    """The versions in a repository, of all its tags; none when the repository is empty or not there."""
    try:
        tags = _ask(session, auth, registry, f"{repository}/tags/list").json().get("tags") or []
    except NotInRegistry:
        return []
    return sorted(tag for tag in tags if tag.startswith("v"))


def manifest(session: Session, auth: Credentials, registry: str, repository: str, reference: str) -> Manifest:
    """By tag or digest. Raises NotInRegistry, RegistryError."""
    answer = _ask(session, auth, registry, f"{repository}/manifests/{reference}")
    return Manifest(answer.headers.get("Content-Type", ""), answer.content)


def put(
    session: Session, auth: Credentials, registry: str, repository: str, reference: str, manifest: Manifest
) -> None:
    """Write a manifest, whose parts the registry has, as a tag. Raises NotInRegistry, RegistryError."""
    _ask(session, auth, registry, f"{repository}/manifests/{reference}", "PUT", manifest)


def tag(session: Session, auth: Credentials, image: str, name: str) -> None:
    """Give an image (registry/repository@digest) a further tag. Raises RegistryError."""
    registry, rest = image.split("/", 1)
    repository, found = rest.split("@", 1)
    try:
        put(session, auth, registry, repository, name, manifest(session, auth, registry, repository, found))
    except NotInRegistry as path:
        raise RegistryError(f"The registry {registry} has no {path}") from None


def index(parts: Mapping[str, Manifest]) -> Manifest:
    """
    One image for several platforms: platform → manifest. In Docker's format if all parts have it, so that whatever
    reads them reads the index too (OCI Image Specification, "Image Index"; Docker Image Manifest V2, "Manifest List").
    """
    docker = all(part.media_type == DOCKER_MANIFEST for part in parts.values())
    media_type = DOCKER_INDEX if docker else OCI_INDEX
    manifests = [
        {
            "mediaType": part.media_type,
            "size": len(part.content),
            "digest": part.digest,
            "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True)),
        }
        for platform, part in parts.items()
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    return Manifest(media_type, json.dumps(document, indent=2).encode())
