"""The model is what its manifest and the committed golden requests say, and nothing else is ever served."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference_service.model import ModelError, load

APP = Path(__file__).resolve().parent.parent


@pytest.fixture
def copy(model_path: Path, tmp_path: Path) -> Path:
    """A copy of the model to spoil."""
    return Path(shutil.copytree(model_path, tmp_path / "copy"))


def change(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_committed_golden_requests_are_those_of_the_manifest(model_path: Path, golden: list[dict[str, Any]]) -> None:
    assert golden == json.loads((model_path / "manifest.json").read_text())["golden"]


def test_training_again_gives_the_same_bytes(model_path: Path, tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    arguments: list[str | Path] = [APP / "tools" / "train.py", "--out", tmp_path / "again", "--golden", golden]
    subprocess.run([sys.executable, *arguments], check=True, timeout=120)
    for name in ("model.onnx", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (model_path / name).read_bytes()
    assert golden.read_text() == (APP / "golden.json").read_text()


def test_model_is_good_enough_and_its_manifest_is_whole(model_path: Path) -> None:
    manifest = load(model_path).manifest
    assert manifest.metrics["roc_auc"] > 0.98
    assert len(manifest.features) == len(manifest.distribution) == 30
    assert all(abs(sum(bins.shares) - 1) < 1e-9 for bins in manifest.distribution)


def test_model_answers_every_golden_request_as_expected(model_path: Path) -> None:
    model = load(model_path)
    assert len(model.manifest.golden) == 5
    assert model.warm_up(100) > 0


def test_wrong_golden_answer_is_refused(copy: Path) -> None:
    golden = json.loads((copy / "manifest.json").read_text())["golden"]
    golden[0]["expect"]["predictions"][0]["label"] = "benign"
    change(copy, golden=golden)
    with pytest.raises(ModelError, match="golden request 'malignant-1'"):
        load(copy).warm_up(10)


def test_changed_model_is_refused(copy: Path) -> None:
    content = bytearray((copy / "model.onnx").read_bytes())
    content[1000] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="its manifest says"):
        load(copy)


def test_another_version_or_checksum_than_asked_for_is_refused(model_path: Path) -> None:
    with pytest.raises(ModelError, match="holds model m1, but MODEL_VERSION asks for m2"):
        load(model_path, "m2")
    with pytest.raises(ModelError, match="but MODEL_SHA256 asks for 00"):
        load(model_path, "m1", "00")


def test_missing_and_unreadable_files_are_named(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"Failed to read .*model\.onnx: No such file"):
        load(copy)
    (copy / "manifest.json").write_text("{")
    with pytest.raises(ModelError, match=r"Failed to read .*manifest\.json"):
        load(copy)


def test_file_that_is_no_model_is_refused(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"no model")
    change(copy, sha256=hashlib.sha256(b"no model").hexdigest())
    with pytest.raises(ModelError, match=r"Failed to load model\.onnx"):
        load(copy)
