"""A model arrives on a host whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.modules.model_fetch import FetchError, prepare, store

CONTENT = b"a model" * 1000
MANIFEST: dict[str, Any] = {"name": "m", "version": "m2", "sha256": hashlib.sha256(CONTENT).hexdigest(), "golden": []}


def fetch(directory: Path, content: bytes = CONTENT, seconds: float = 60, **changed: Any) -> None:
    store(io.BytesIO(content), {**MANIFEST, **changed}, directory, time.monotonic() + seconds)


def test_it_is_where_the_service_looks_with_its_manifest(tmp_path: Path) -> None:
    prepare(tmp_path / "cache/10001", 10001, 10001)
    directory = tmp_path / "cache/10001/m/m2"
    fetch(directory, file="elsewhere/../net.onnx")
    assert sorted(path.name for path in directory.iterdir()) == ["manifest.json", "net.onnx"]
    assert (directory / "net.onnx").read_bytes() == CONTENT
    assert json.loads((directory / "manifest.json").read_text())["sha256"] == MANIFEST["sha256"]
    assert [path.name for path in directory.parent.iterdir()] == ["m2"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"content": b"another"}, "wrong checksum: the file has SHA-256 "), ({"seconds": -1}, "takes too long")],
)
def test_what_is_not_the_model_leaves_nothing(tmp_path: Path, wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(FetchError, match=why):
        fetch(tmp_path / "m/m2", **wrong)
    assert list((tmp_path / "m").iterdir()) == []


def test_one_that_a_container_fetched_meanwhile_stays(tmp_path: Path) -> None:
    fetch(tmp_path / "m/m2")
    fetch(tmp_path / "m/m2")
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["m2"]
