"""Models in S3 (moto): published once, fetched once, checked always, and never a reason to crash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from inference_service import service as service_module
from inference_service.model import ModelError
from inference_service.settings import Settings
from inference_service.store import StoreUnavailable, model_folder

from .conftest import APP, Running
from .process import free_port

sys.path.insert(0, str(APP / "tools"))
import publish

BUCKET = "models-test"
STORE = f"s3://{BUCKET}/models"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 stand-in."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "moto did not start within 30 s"
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(10)


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client for an empty bucket; the environment leads the service to it too."""
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST"), timeout=5).close()
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def settings(tmp_path: Path, **changes: Any) -> Settings:
    cache = str(tmp_path / "cache")
    values = {"model_store": STORE, "model_version": "m1", "model_cache": cache, "model_store_path_style": True}
    return Settings(**{**values, **changes})


def test_model_is_published_once_and_listed(s3: Any, model_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["publish", "--store", STORE, "--model", str(model_path)]
    assert publish.main(arguments) == 0
    assert "Published breast-cancer m1" in capsys.readouterr().out
    assert publish.main(arguments) == 0
    assert capsys.readouterr().out.startswith("Unchanged: breast-cancer m1 ")
    content = (model_path / "model.onnx").read_bytes()
    listing = ["list", "--store", STORE, "--name", "breast-cancer"]
    assert publish.main([*listing, "--live", "m1=a", "--live", "m1=b", "--live", "=c"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith(f"breast-cancer m1  {hashlib.sha256(content).hexdigest()}  {len(content)} bytes  20")
    assert listed.endswith("  live on a, b\n")
    assert publish.main([*listing, "--live", "m2=a"]) == 0
    assert "live on" not in capsys.readouterr().out


def test_version_that_is_published_never_changes(
    s3: Any, model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish.publish(s3, STORE, model_path)
    other = Path(shutil.copytree(model_path, tmp_path / "other"))
    (other / "model.onnx").write_bytes(b"another model")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["sha256"] = hashlib.sha256(b"another model").hexdigest()
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert publish.main(["publish", "--store", STORE, "--model", str(other)]) == 1
    assert "m1 is in s3://models-test/models already" in capsys.readouterr().err
    kept = s3.get_object(Bucket=BUCKET, Key="models/breast-cancer/m1/model.onnx")["Body"].read()
    assert kept == (model_path / "model.onnx").read_bytes()


def test_what_is_no_model_is_not_published(s3: Any, model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(publish.PublishError, match="Failed to read the model"):
        publish.publish(s3, STORE, tmp_path)
    spoilt = Path(shutil.copytree(model_path, tmp_path / "spoilt"))
    (spoilt / "model.onnx").write_bytes(b"x")
    with pytest.raises(publish.PublishError, match="not the model that its manifest describes"):
        publish.publish(s3, STORE, spoilt)
    with pytest.raises(publish.PublishError, match="must look like s3://bucket/prefix"):
        publish.publish(s3, "bucket", model_path)
    assert publish.published(s3, STORE) == []


async def test_fetched_model_serves_and_then_needs_no_s3(
    s3: Any, model_path: Path, tmp_path: Path, running: Running, row: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(s3, STORE, model_path)
    stored = {"model_store": STORE, "model_version": "m1", "model_cache": str(tmp_path), "model_store_path_style": True}
    async with running(**stored) as client:
        assert (await client.post("/predict", json={"instances": [row]})).json()["model_version"] == "m1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    async with running(**stored) as client:
        assert (await client.get("/ready")).status_code == 200


def test_model_spoilt_on_disk_is_fetched_again(s3: Any, model_path: Path, tmp_path: Path) -> None:
    publish.publish(s3, STORE, model_path)
    folder = model_folder(settings(tmp_path))
    (folder / "model.onnx").write_bytes(b"spoilt")
    assert (model_folder(settings(tmp_path)) / "model.onnx").read_bytes() == (model_path / "model.onnx").read_bytes()


def test_slot_that_was_slower_uses_what_the_other_one_fetched(
    s3: Any, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(s3, STORE, model_path)
    real = Path.rename

    def late(self: Path, target: Path) -> Path:
        shutil.copytree(self, target)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", late)
    folder = model_folder(settings(tmp_path))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["m1"]


async def test_corrupt_object_is_never_ready_and_never_a_crash(
    s3: Any, model_path: Path, tmp_path: Path, running: Running
) -> None:
    publish.publish(s3, STORE, model_path)
    s3.put_object(Bucket=BUCKET, Key="models/breast-cancer/m1/model.onnx", Body=b"corrupt")
    stored = {"model_store": STORE, "model_version": "m1", "model_cache": str(tmp_path), "model_store_path_style": True}
    async with running(**stored) as client:
        answer = await client.get("/ready")
        assert (answer.status_code, (await client.get("/health")).status_code) == (503, 200)
        assert "but its manifest says" in answer.json()["error"]["message"]


def test_unknown_version_and_broken_manifest_are_final(s3: Any, model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Failed to read s3://models-test/models/breast-cancer/m9/manifest\.json"):
        model_folder(settings(tmp_path, model_version="m9"))
    s3.put_object(Bucket=BUCKET, Key="models/breast-cancer/m8/manifest.json", Body=b"{}")
    with pytest.raises(ModelError, match="is not a manifest"):
        model_folder(settings(tmp_path, model_version="m8"))


def test_folder_that_cannot_be_written_is_named(s3: Any, model_path: Path, tmp_path: Path) -> None:
    publish.publish(s3, STORE, model_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="MODEL_CACHE: Failed to keep the model"):
        model_folder(settings(tmp_path, model_cache=str(tmp_path / "file")))


def test_store_that_does_not_answer_is_worth_another_try(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match="Failed to read s3://"):
        model_folder(settings(tmp_path))


async def test_service_waits_for_the_store_and_becomes_ready_when_it_answers(
    model_path: Path, tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception | Path] = [StoreUnavailable("S3 is down"), StoreUnavailable("S3 is down"), model_path]

    def fetch(_: Settings) -> Path:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(service_module, "model_folder", fetch)
    monkeypatch.setattr(service_module, "RETRY_FIRST_S", 0.01)
    async with asyncio.timeout(10), running(model_store=STORE, model_version="m1") as client:
        assert (await client.get("/ready")).status_code == 200
        waiting = [line for line in client.lines() if line["message"] == "not ready yet"]
        assert [line["retry_s"] for line in waiting] == [0.01, 0.02]
