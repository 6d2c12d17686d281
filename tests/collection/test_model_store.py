"""Manifests of models on the controller: read once, kept, and never taken for another's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.module_utils.session import Session
from ansible_collections.slipway.ops.plugins.plugin_utils.model_store import ModelError, link, manifest
from botocore.exceptions import EndpointConnectionError

STORE = "s3://bucket/models"
M2 = {"name": "breast-cancer", "version": "m2", "sha256": "0" * 64, "golden": [{"name": "one"}], "file": "model.onnx"}


class NoSuchKey(Exception):
    pass


class Bucket:
    """What boto3's client shows of a bucket. `objects`: key → text; None: S3 does not answer."""

    exceptions = type("Exceptions", (), {"NoSuchKey": NoSuchKey})

    def __init__(self, objects: dict[str, str] | None) -> None:
        self.objects = objects
        self.asked = 0

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self.asked += 1
        if self.objects is None:
            raise EndpointConnectionError(endpoint_url="https://s3.test")
        if Key not in self.objects:
            raise NoSuchKey
        return {"Body": io.BytesIO(self.objects[Key].encode())}

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects or {} if key.startswith(Prefix)]}]


def ask(bucket: Bucket, kept: Path, version: str = "m2") -> dict[str, Any]:
    class Here(Session):
        def client(self, service: str) -> Any:
            return bucket

    return manifest(Here(), STORE, "breast-cancer", version, kept)


def with_m2(**changed: Any) -> Bucket:
    return Bucket({"models/breast-cancer/m2/manifest.json": json.dumps({**M2, **changed})})


def test_a_manifest_that_was_read_is_kept_and_s3_may_be_down(tmp_path: Path) -> None:
    assert ask(with_m2(), tmp_path) == M2
    down = Bucket(None)
    assert ask(down, tmp_path) == M2
    assert down.asked == 0
    with pytest.raises(ModelError, match=r"Failed to read s3://bucket/models/breast-cancer/m3/manifest\.json"):
        ask(down, tmp_path, "m3")


def test_a_copy_that_cannot_be_read_is_read_again(tmp_path: Path) -> None:
    ask(with_m2(), tmp_path)
    (copy,) = (path for path in tmp_path.rglob("*") if path.is_file())
    copy.write_text("{")
    assert ask(with_m2(), tmp_path) == M2


def test_an_unknown_version_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Failed to find model m9: .* Published are: m2\. Publish it first"):
        ask(with_m2(), tmp_path, "m9")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": "m1"}, "says that it is of breast-cancer m1"),
        ({"sha256": None}, "has no sha256"),
        ({"golden": {}}, "has no golden"),
    ],
)
def test_a_manifest_of_something_else_is_refused_and_not_kept(
    changed: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=why):
        ask(with_m2(**changed), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_store_is_an_address_in_s3(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must look like s3://bucket/prefix, got 'bucket'"):
        manifest(Session(), "bucket", "breast-cancer", "m2", tmp_path)


def test_a_link_gives_one_object_without_credentials() -> None:
    """Of signature version 4, without which S3 refuses objects that are encrypted by a key."""
    address = link(Session("eu-central-1", access_key="a", secret_key="hidden"), "s3://bucket/models", M2, 60)
    assert address.startswith("https://bucket.s3.eu-central-1.amazonaws.com/models/breast-cancer/m2/model.onnx?")
    assert "X-Amz-Signature=" in address and "X-Amz-Expires=60" in address and "hidden" not in address
