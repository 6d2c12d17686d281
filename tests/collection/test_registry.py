"""What the controller asks of the registry, and what is said when the answer is not what it should be."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from unittest import mock

import pytest
import requests
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import TIMEOUT_S, RegistryError, Session

WHERE = ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "inference", "v1.4.2")
DIGEST = "sha256:" + "0" * 64


def asked(answer: Any) -> str:
    """`answer`: a status, or what requests raises."""
    response = requests.Response()
    if isinstance(answer, int):
        response.status_code = answer
        response.headers["Docker-Content-Digest"] = DIGEST
    effect = {"return_value": response} if isinstance(answer, int) else {"side_effect": answer}
    with mock.patch.object(requests.Session, "request", **effect) as request:
        found = registry.digest(Session(), registry.Credentials("AWS", "s3cret"), *WHERE)
    assert request.call_args.kwargs["timeout"] == TIMEOUT_S
    return found


def test_a_tag_names_its_digest() -> None:
    assert asked(200) == DIGEST


def test_a_missing_tag_is_no_trouble_of_the_registry() -> None:
    with pytest.raises(registry.NotInRegistry):
        asked(404)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (401, "query the registry {registry}: it returned 401 for inference/manifests/v1.4.2. The token was rejected."),
        (403, "lacks permission on this repository (ecr:BatchGetImage"),
        (429, "The registry limits the request rate. Wait a minute"),
        (500, "The registry has an internal error."),
        (503, "The registry has an internal error."),
        (302, "did not come from a registry. Check aws_registry"),
        (requests.ConnectTimeout("timed out"), "timed out"),
        (requests.ReadTimeout("read timed out"), "read timed out"),
        (requests.exceptions.SSLError("certificate verify failed"), "certificate verify failed"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(answer: Any, says: str) -> None:
    with pytest.raises(RegistryError) as caught:
        asked(answer)
    assert says.format(registry=WHERE[0]) in str(caught.value)
    assert WHERE[0] in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_image_gets_a_further_tag() -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = []

    def answer(http: requests.Session, method: str, url: str, **given: Any) -> requests.Response:
        asked.append((method, url, given))
        response = requests.Response()
        response.status_code = 201 if method == "PUT" else 200
        response.headers["Content-Type"] = "application/vnd.oci.image.manifest.v1+json"
        response._content = b'{"the": "manifest"}'
        return response

    with mock.patch.object(requests.Session, "request", answer):
        image = f"{WHERE[0]}/team/inference@{DIGEST}"
        registry.tag(Session(), registry.Credentials("AWS", "s3cret"), image, "deployed-prod-v1.4.2")
    (got, source, _), (put, target, given) = asked
    assert (got, source) == ("GET", f"https://{WHERE[0]}/v2/team/inference/manifests/{DIGEST}")
    assert (put, target) == ("PUT", f"https://{WHERE[0]}/v2/team/inference/manifests/deployed-prod-v1.4.2")
    assert given["data"] == b'{"the": "manifest"}'
    assert given["headers"] == {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}


class FakeRegistry:
    """Manifests by tag and digest, over HTTP."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[str, bytes]] = {}

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        reference = url.rpartition("/manifests/")[2]
        response = requests.Response()
        if method == "PUT":
            self.stored[reference] = (given["headers"]["Content-Type"], given["data"])
            response.status_code = 201
            return response
        response.status_code = 200 if reference in self.stored else 404
        kind, response._content = self.stored.get(reference, ("", b""))
        response.headers.update(
            {
                "Content-Type": kind,
                "Docker-Content-Digest": registry.Manifest(kind, response._content).digest,
            }
        )
        return response


@pytest.mark.parametrize(
    ("kinds", "index"),
    [
        ((registry.DOCKER_MANIFEST, registry.DOCKER_MANIFEST), registry.DOCKER_INDEX),
        ((registry.DOCKER_MANIFEST, registry.OCI_MANIFEST), registry.OCI_INDEX),
    ],
)
def test_an_index_names_the_manifest_of_each_platform(kinds: tuple[str, str], index: str) -> None:
    fake, auth = FakeRegistry(), registry.Credentials("AWS", "s3cret")
    fake.stored = {"amd64": (kinds[0], b"one"), "arm64": (kinds[1], b"another")}
    with mock.patch.object(requests.Session, "request", lambda _, *args, **given: fake.request(*args, **given)):
        parts = {f"linux/{name}": registry.manifest(Session(), auth, *WHERE[:2], name) for name in ("amd64", "arm64")}
        found = registry.index(parts)
        registry.put(Session(), auth, *WHERE[:2], "v1.4.2", found)
        assert registry.digest(Session(), auth, *WHERE) == found.digest
    kind, content = fake.stored["v1.4.2"]
    document = json.loads(content)
    assert (kind, document["mediaType"], document["schemaVersion"]) == (index, index, 2)
    assert document["manifests"] == [
        {
            "mediaType": kinds[0], "size": 3, "digest": f"sha256:{hashlib.sha256(b'one').hexdigest()}",
            "platform": {"os": "linux", "architecture": "amd64"},
        },
        {
            "mediaType": kinds[1], "size": 7, "digest": f"sha256:{hashlib.sha256(b'another').hexdigest()}",
            "platform": {"os": "linux", "architecture": "arm64"},
        },
    ]  # fmt: skip


def test_only_versions_are_told_as_versions() -> None:
    response = requests.Response()
    response.status_code = 200
    response._content = b'{"tags": ["v1.1.0", "deployed-prod-v1.0.0", "v1.0.0"]}'
    with mock.patch.object(requests.Session, "request", return_value=response):
        found = registry.versions(Session(), registry.Credentials("AWS", "s3cret"), *WHERE[:2])
    assert found == ["v1.0.0", "v1.1.0"]
