"""image_info, image_tag and image_push: what they return, and which failures stop a run."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.action import image_info, image_push, image_tag
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.plugin_utils.versions import VERSION
from releasectl.documents import request

DIGEST = "sha256:" + "1" * 64
IMAGE = f"registry.test/inference@{DIGEST}"
AUTH = {"username": "AWS", "password": "token"}
ARGS: dict[str, Any] = {
    "registry": "registry.test", "repository": "inference", "version": "v1.1.0", "retention_tag": "",
    "credentials": False, "aws": {},
}  # fmt: skip
TAG = {"image": IMAGE, "tag": "deployed-prod-v1.1.0", "registry_auth": AUTH, "aws": {}}
PUSH = {
    **{name: ARGS[name] for name in ("registry", "repository", "version", "aws")},
    "images": {"linux/amd64": "inference:v1.1.0"},
}
BOTH = {"linux/amd64": "inference:v1.2.0-amd64", "linux/arm64": "inference:v1.2.0-arm64"}


class Registry:
    """Stands in for module_utils/registry."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tags = {"v1.0.0": DIGEST, "v1.1.0": DIGEST, "deployed-prod-v1.0.0": DIGEST}
        self.error = ""
        self.tokens = 0
        for name in ("credentials", "digest", "tag"):
            monkeypatch.setattr(registry, name, getattr(self, name))
        monkeypatch.setattr(registry, "versions", lambda *_: sorted(it for it in self.tags if it.startswith("v")))

    def credentials(self, session: Session) -> registry.Credentials:
        self.tokens += 1
        if self.error:
            raise RegistryError(self.error)
        return registry.Credentials(**AUTH)

    def digest(self, session: Session, auth: registry.Credentials, registry: str, repository: str, version: str) -> str:
        if version not in self.tags:
            raise NotInRegistry(version)
        return self.tags[version]

    def tag(self, session: Session, auth: registry.Credentials, image: str, name: str) -> None:
        if self.error:
            raise RegistryError(self.error)
        self.tags[name] = image.partition("@")[2]


NotInRegistry = registry.NotInRegistry


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Registry:
    return Registry(monkeypatch)


def run(module: Any, args: dict[str, Any], check: bool = False) -> dict[str, Any]:
    found = module.ActionModule.__new__(module.ActionModule)
    found._task = SimpleNamespace(check_mode=check)
    return dict(found.execute(args, "localhost"))


def test_a_version_is_resolved_to_its_image(there: Registry) -> None:
    assert run(image_info, ARGS) == {
        "changed": False, "image": IMAGE, "version": "v1.1.0", "tagged": True, "registry_auth": {},
        "available_versions": [], "error": "",
    }  # fmt: skip
    assert run(image_info, {**ARGS, "credentials": True})["registry_auth"] == AUTH
    assert run(image_info, ARGS, check=True)["image"] == IMAGE, "it only reads"


@pytest.mark.parametrize(("tag", "tagged"), [("deployed-prod-v1.0.0", True), ("deployed-prod-v1.1.0", False)])
def test_it_is_reported_whether_the_image_has_its_retention_tag(there: Registry, tag: str, tagged: bool) -> None:
    assert run(image_info, {**ARGS, "retention_tag": tag})["tagged"] is tagged


def test_a_version_that_the_registry_does_not_have_fails_with_the_known_ones(there: Registry) -> None:
    result = run(image_info, {**ARGS, "version": "v9.9.9"})
    assert result["failed"]
    assert "registry.test/inference has no such version. It has: v1.0.0, v1.1.0. Build it first" in result["msg"]
    assert (result["image"], result["available_versions"]) == ("", ["v1.0.0", "v1.1.0"])


def test_a_registry_that_cannot_be_queried_is_not_a_failure(there: Registry) -> None:
    there.error = "Failed to get an ECR token: throttled"
    result = run(image_info, ARGS)
    assert (result["image"], result["error"]) == ("", there.error)
    assert "failed" not in result and "msg" not in result


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"version": "latest"}, "'latest' is not a version"),
        ({"version": ""}, "is not a version"),
        ({"registry": ""}, "registry must not be empty. Set release_registry"),
    ],
)
def test_bad_options_are_refused_before_anything_is_queried(
    there: Registry, args: dict[str, str], message: str
) -> None:
    result = run(image_info, {**ARGS, **args})
    assert result["failed"] and message in result["msg"], "a result: a task with no_log shows no error that is raised"
    assert there.tokens == 0


def test_an_image_is_tagged_with_the_given_token_or_a_new_one(there: Registry) -> None:
    assert run(image_tag, TAG) == {"changed": True, "error": ""}
    assert (there.tags["deployed-prod-v1.1.0"], there.tokens) == (DIGEST, 0)
    run(image_tag, {**TAG, "registry_auth": None})
    assert there.tokens == 1


def test_check_mode_tags_nothing(there: Registry) -> None:
    assert run(image_tag, TAG, check=True)["changed"]
    assert "deployed-prod-v1.1.0" not in there.tags


def test_a_failed_tag_is_a_warning(there: Registry) -> None:
    there.error = "it answered 403"
    result = run(image_tag, TAG)
    assert not result["changed"] and "failed" not in result
    (warning,) = result["warnings"]
    assert "Failed to tag" in warning and "deployed-prod-v1.1.0" in warning and "403" in warning


def test_a_version_is_never_overwritten(there: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_push, "push", pytest.fail)
    with pytest.raises(AnsibleActionFail, match="has it already"):
        run(image_push, PUSH)
    assert run(image_push, {**PUSH, "version": "v1.2.0"}, check=True) == {"changed": True, "digest": ""}


def docker_with(images: dict[str, str]) -> Any:
    """Docker's SDK, on a machine with these images: name → architecture."""

    def get(name: str) -> Any:
        return SimpleNamespace(
            id=f"sha256:{images[name]}{'0' * 59}", attrs={"Os": "linux", "Architecture": images[name]}
        )

    client = SimpleNamespace(images=SimpleNamespace(get=get))
    return SimpleNamespace(from_env=lambda: client)


def test_an_image_for_another_platform_is_not_pushed(there: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_push, "push", pytest.fail)
    monkeypatch.setattr(image_push, "docker", docker_with(dict.fromkeys(BOTH.values(), "amd64")))
    with pytest.raises(AnsibleActionFail, match=r"built for linux/amd64, not for linux/arm64.*docker pull --platform"):
        run(image_push, {**PUSH, "version": "v1.2.0", "images": BOTH})
    with pytest.raises(AnsibleActionFail, match="the option images is empty"):
        run(image_push, {**PUSH, "images": {}})


def test_several_platforms_are_pushed_as_one_index(there: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests: dict[str, registry.Manifest] = {}
    pushed: list[tuple[str, str]] = []

    def push(image: str, target: str, version: str, auth: registry.Credentials) -> str:
        pushed.append((image, version))
        found = registry.Manifest(registry.DOCKER_MANIFEST, image.encode())
        manifests[found.digest] = found
        there.tags[version] = found.digest
        return found.digest

    def put(*_: Any, reference: str, manifest: registry.Manifest, **__: str) -> None:
        manifests[manifest.digest] = manifest
        there.tags[reference] = manifest.digest

    monkeypatch.setattr(image_push, "push", push)
    monkeypatch.setattr(image_push, "docker", docker_with({image: name[6:] for name, image in BOTH.items()}))
    monkeypatch.setattr(registry, "manifest", lambda *_, reference, **__: manifests[reference])
    monkeypatch.setattr(registry, "put", put)
    result = run(image_push, {**PUSH, "version": "v1.2.0", "images": BOTH})
    index = manifests[there.tags["v1.2.0"]]
    assert (result["changed"], result["image"]) == (True, f"registry.test/inference@{index.digest}")
    parts = [
        ("inference:v1.2.0-amd64", "platform-amd64-amd640000000"),
        ("inference:v1.2.0-arm64", "platform-arm64-arm640000000"),
    ]
    assert pushed == parts
    assert [it["platform"]["architecture"] for it in json.loads(index.content)["manifests"]] == ["amd64", "arm64"]
    # A second try after a failure pushes nothing twice: tags are immutable.
    del there.tags["v1.2.0"]
    assert run(image_push, {**PUSH, "version": "v1.2.0", "images": BOTH})["digest"] == index.digest
    assert pushed == parts


@pytest.mark.parametrize(("pushed", "fails"), [(DIGEST, False), ("sha256:2", True)])
def test_a_push_is_compared_with_the_registry(
    there: Registry, monkeypatch: pytest.MonkeyPatch, pushed: str, fails: bool
) -> None:
    def push(image: str, target: str, version: str, auth: registry.Credentials) -> str:
        there.tags[version] = DIGEST
        return pushed

    monkeypatch.setattr(image_push, "push", push)
    monkeypatch.setattr(image_push, "docker", docker_with({"inference:v1.1.0": "amd64"}))
    if fails:
        with pytest.raises(AnsibleActionFail, match="pushed sha256:2, but the registry has"):
            run(image_push, {**PUSH, "version": "v1.2.0"})
    else:
        assert run(image_push, {**PUSH, "version": "v1.2.0"})["image"] == IMAGE


def test_the_engine_has_the_same_idea_of_a_version() -> None:
    assert VERSION.pattern == request.VERSION_PATTERN
