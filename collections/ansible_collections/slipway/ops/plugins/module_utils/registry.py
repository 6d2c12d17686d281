"""The image registry, as ECR speaks it: a token by the AWS API, manifests by the registry's HTTP API.

Sources: ECR "Private registry authentication" (the token is HTTP Basic for the registry API); OCI Distribution
Specification 1.1, "Pulling manifests", "Pushing Manifests" and "Listing tags".
"""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
TIMEOUT_S = (5, 15)  # connect, read


class RegistryError(Exception):
    """The registry or the AWS API did not answer the question; the text says which, where and why."""


class NotInRegistry(Exception):
    """The registry answered: it has no such version."""


@dataclass(frozen=True)
class Session:
    """How to reach the AWS API. Unset fields mean boto3's own defaults (profile, instance role …)."""

    region: str | None = None
    endpoint_url: str | None = None
    ca_bundle: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    profile: str | None = None

    @classmethod
    def of(cls, options: dict[str, Any] | None) -> Session:
        """Build from a module's `aws` option; raises RegistryError on a key that it does not know."""
        try:
            return cls(**(options or {}))
        except TypeError as error:
            known = ", ".join(cls.__dataclass_fields__)
            raise RegistryError(f"The option aws has a key that is not known ({error}); it takes: {known}") from None

    def client(self, service: str) -> Any:
        """A client of boto3 that gives up in time."""
        return boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            profile_name=self.profile,
            region_name=self.region,
        ).client(
            service,
            endpoint_url=self.endpoint_url,
            verify=self.verify,
            config=Config(connect_timeout=TIMEOUT_S[0], read_timeout=TIMEOUT_S[1], retries={"total_max_attempts": 2}),
        )

    @property
    def verify(self) -> str | bool:
        return self.ca_bundle or True


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str


def credentials(session: Session) -> Credentials:
    """Ask the AWS API for the registry's token (valid 12 hours)."""
    try:
        token = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    except (BotoCoreError, ClientError) as error:
        raise RegistryError(f"Failed to get an ECR token: {error}") from error
    username, _, password = base64.b64decode(token).decode().partition(":")
    return Credentials(username, password)


def _advice(status: int) -> str:
    if status == 401:
        return "It did not accept the token: see who asks (`aws sts get-caller-identity`) and this machine's clock."
    if status == 403:
        return (
            "The AWS identity that asks may not do that in this repository (ecr:BatchGetImage reads, ecr:PutImage "
            "tags); see also its policy."
        )
    if status == 429:
        return "It throttles: wait a minute, then try again."
    if status >= 500:
        return "It is in trouble: wait a minute, then try again (AWS: health.aws.amazon.com)."
    return "That is no answer of a registry: see aws_registry in the inventory, and proxies on the way."


@functools.cache
def _connections(trust_env: bool) -> requests.Session:
    """Kept for the questions that follow."""
    http = requests.Session()
    http.trust_env = trust_env
    return http


def _ask(
    session: Session,
    auth: Credentials,
    registry: str,
    path: str,
    method: str = "GET",
    manifest: requests.Response | None = None,
) -> requests.Response:
    """`manifest`: one that was read before, to be written."""
    url = f"https://{registry}/v2/{path}"
    headers = {"Accept": MANIFEST_TYPES} if "/manifests/" in path else {}
    if manifest is not None:
        headers = {"Content-Type": manifest.headers.get("Content-Type", "")}
    try:
        # An explicit bundle wins over the environment's.
        answer = _connections(trust_env=session.ca_bundle is None).request(
            method,
            url,
            auth=(auth.username, auth.password),
            headers=headers,
            data=None if manifest is None else manifest.content,
            verify=session.verify,
            timeout=TIMEOUT_S,
        )
    except requests.RequestException as error:
        raise RegistryError(f"Failed to ask the registry {registry}: {error}") from error
    if answer.status_code == 404:
        raise NotInRegistry(path)
    if answer.status_code != (200 if manifest is None else 201):
        status = answer.status_code
        raise RegistryError(
            f"Failed to ask the registry {registry}: it answered {status} for {path}. {_advice(status)}"
        )
    return answer


def digest(session: Session, auth: Credentials, registry: str, repository: str, version: str) -> str:
    """The digest that a version's tag names. Raises NotInRegistry, RegistryError."""
    answer = _ask(session, auth, registry, f"{repository}/manifests/{version}", "HEAD")
    found = answer.headers.get("Docker-Content-Digest", "")
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


def keep(session: Session, auth: Credentials, image: str, tag: str) -> None:
    """Give an image (registry/repository@digest) a tag by which the lifecycle keeps it. Raises RegistryError."""
    registry, _, rest = image.partition("/")
    repository, _, found = rest.partition("@")
    try:
        manifest = _ask(session, auth, registry, f"{repository}/manifests/{found}")
        _ask(session, auth, registry, f"{repository}/manifests/{tag}", "PUT", manifest)
    except NotInRegistry as path:
        raise RegistryError(f"The registry {registry} has no {path}") from None
