"""What a release has by its model: environment, secrets, run options and golden requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.slipway.ops.plugins.lookup import model_manifest
from ansible_collections.slipway.ops.plugins.module_utils.session import Session
from ansible_collections.slipway.ops.plugins.plugin_utils.model_store import ModelError

M2 = {"name": "breast-cancer", "version": "m2", "sha256": "0" * 64, "golden": [{"name": "one", "headers": {"A": "1"}}]}


DEFAULTS = {
    name: option.get("default") for name, option in yaml.safe_load(model_manifest.DOCUMENTATION)["options"].items()
}  # fmt: skip


def look(version: str, **options: Any) -> dict[str, Any]:
    given = {**DEFAULTS, "aws": {}, **options}
    return model_manifest.from_store(version, given) if version else model_manifest.in_image(given)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The calls of a store that has m2."""
    calls: list[tuple[Any, ...]] = []

    def manifest(session: Session, *where: Any) -> dict[str, Any]:
        calls.append((session.region, *where))
        if where[2] != "m2":
            raise ModelError(f"Failed to find model {where[2]}")
        return dict(M2)

    monkeypatch.setattr(model_manifest, "manifest", manifest)
    return calls


def test_a_model_of_the_store_is_fetched_by_its_checksum(store: list[Any], tmp_path: Path) -> None:
    where = {"store": "s3://b/models", "name": "breast-cancer", "kept": str(tmp_path)}
    more = {"env": {"AWS_CA_BUNDLE": "/ca", "MODEL_CACHE": "/elsewhere"}, "options": {"ca": "/ca"}}
    found = look("m2", **where, aws={"region": "eu-central-1"}, golden_headers={"X-Key": {"secret": "K"}}, **more)
    assert found["env"] == {
        "MODEL_STORE": "s3://b/models", "MODEL_NAME": "breast-cancer", "MODEL_VERSION": "m2", "MODEL_SHA256": "0" * 64,
        "MODEL_CACHE": "/elsewhere", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_CA_BUNDLE": "/ca",
    }  # fmt: skip
    assert found["options"] == {"cache": "/var/cache/models", "ca": "/ca"}
    assert found["golden"] == [{"name": "one", "headers": {"A": "1", "X-Key": {"secret": "K"}}}]
    assert found["manifest"] == M2 and "url" not in found
    assert store == [("eu-central-1", "s3://b/models", "breast-cancer", "m2", tmp_path)]


def test_a_store_of_another_endpoint_is_named(store: list[Any], tmp_path: Path) -> None:
    aws = {"endpoint_url": "https://aws.test"}
    found = look("m2", store="s3://b/models", name="breast-cancer", kept=str(tmp_path), aws=aws)
    assert found["env"]["AWS_ENDPOINT_URL_S3"] == "https://aws.test"


def test_the_model_in_the_image_needs_no_store(store: list[Any], tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text(json.dumps([{"name": "one"}]))
    found = look("", golden_file=str(tmp_path / "golden.json"), env={"A": "1"}, options={"ca": "/"})
    assert found == {"version": "", "env": {}, "options": {}, "golden": [{"name": "one"}]}
    assert look("")["golden"] == []
    assert store == []


def test_a_model_that_does_not_exist_fails_with_the_cause(store: list[Any]) -> None:
    with pytest.raises(ModelError, match="Failed to find model m9"):
        look("m9", store="s3://b/models", name="breast-cancer", kept="/tmp/m")
    with pytest.raises(ModelError, match=r"m2: store and name and kept are not set\. Set service_model_store in "):
        look("m2")
