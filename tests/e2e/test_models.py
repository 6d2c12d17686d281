"""A model goes live without a new image: from the store, checked, by its own golden requests. And keys for clients."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import lab, network
from tests.harness.load.predictions import unfailing
from tests.harness.load.steady import SteadyLoad

VERSION = "v1.0.0"
CACHE = "/var/lib/slipway/inference/cache/10001"
BUCKET = "slipway-models-123456789012"
ONE, TWO = "the-first-key-of-a-client", "the-second-key-of-a-client"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders of m2, which is less sure than the image's m1, and of m3 and m4, which are m2 by other names."""
    home = tmp_path_factory.mktemp("models")
    tools = lab.good(lab.run("tools/tool_venv", "app", "app/requirements-test.lock")).out.splitlines()[-1]
    train = ("app/tools/train.py", "--model-version", "m2", "--trees", "20", "--out", str(home / "m2"))
    lab.good(lab.run(f"{tools}/python", *train))
    for version in ("m3", "m4"):
        (home / version).mkdir()
        (home / version / "model.onnx").write_bytes((home / "m2" / "model.onnx").read_bytes())
        (home / version / "manifest.json").write_text(json.dumps({**manifest(home / "m2"), "version": version}))
    publish = (sys.executable, "app/tools/publish.py", "publish", "--store", f"s3://{BUCKET}/models", "--model")
    for version in ("m3", "m4"):
        lab.good(lab.run(*publish, str(home / version), env=lab.AWS))
    lab.start(VERSION)
    if not serves("m1"):
        lab.good(deploy())
    lab.on_host("sh", "-c", f"rm -rf {CACHE}/*")
    yield home
    lab.good(deploy())


def refused(model: str) -> str:
    """What a deploy says that fails. What never becomes ready is not waited for as long as usual."""
    deadlines = json.loads(lab.on_host("cat", "/etc/slipway/inference/service.json"))["deadlines_s"]
    with lab.settings(deadlines_s={**deadlines, "readiness": 12}):
        done = deploy(model)
    assert done.code != 0
    assert serves("m2")
    return done.out


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text()))


def publish(folder: Path) -> lab.Done:
    return lab.play("playbooks/models/publish.yml", "-e", f"model_dir={folder}")


def deploy(model: str = "", **more: Any) -> lab.Done:
    return lab.deploy(VERSION, "-e", json.dumps({"model": model, **more}))


def serves(model: str) -> bool:
    return bool(lab.ask("/version").json()["model"]["version"] == model)


def store_troubles() -> list[str]:
    return [it.partition(" at ")[0] for it in lab.status()["troubles"] if "model store" in it]


def test_a_model_is_published_once(models: Path) -> None:
    lab.good(publish(models / "m2"))
    again = lab.good(publish(models / "m2"))
    assert again.recap["localhost"]["changed"] == 0
    (models / "m2" / "model.onnx").rename(models / "kept")
    try:
        (models / "m2" / "model.onnx").write_bytes(b"another")
        assert "not the model that its manifest describes" in publish(models / "m2").out
    finally:
        (models / "kept").rename(models / "m2" / "model.onnx")


def test_the_same_image_serves_another_model_and_the_one_of_before_in_a_second(models: Path, load: SteadyLoad) -> None:
    m2, before = manifest(models / "m2"), lab.state()["live"]["release"]
    done = lab.good(deploy("m2"))
    assert "with model m2 is live" in done.out
    live = lab.state()["live"]["release"]
    assert (live["model_version"], live["image"]) == ("m2", before["image"])
    model = lab.ask("/version").json()["model"]
    assert (model["version"], model["sha256"]) == ("m2", m2["sha256"])
    # The host has fetched it for the container, which has no keys and no way to those of the host's role.
    assert lab.on_host("stat", "-c", "%u", f"{CACHE}/breast-cancer/m2/model.onnx").strip() == "10001"
    container = f"inference-{lab.state()['live']['slot']}"
    assert "AWS_ACCESS_KEY_ID" not in lab.on_host("docker", "inspect", container)
    # Its answers are not those that the image's own model gives: the gate has asked by the golden requests of m2.
    lab.predicts_right(m2["golden"])
    with pytest.raises(AssertionError):
        lab.predicts_right()
    listed = lab.good(lab.play("playbooks/models/list.yml", *lab.LIMIT)).out
    assert f"breast-cancer m2  {m2['sha256']}" in listed
    assert listed.count("live on") == listed.count(f"live on {lab.HOST}") == 1

    lab.on_host("releasectl", "rollback")
    assert serves("m1")
    lab.predicts_right()
    lab.good(deploy("m2"))
    assert serves("m2")
    took = [sum(phase["seconds"] for phase in entry["phases"]) for entry in lab.history()[:2]]
    assert max(took) < 2, "both were switches to what stood by"


def test_a_corrupt_model_is_refused_by_name(models: Path, load: SteadyLoad) -> None:
    lab.aws("s3").put_object(Bucket=BUCKET, Key="models/breast-cancer/m3/model.onnx", Body=b"corrupt")
    said = refused("m3")
    assert "Failed to fetch model breast-cancer m3 to this host: wrong checksum" in said
    assert lab.on_host("ls", f"{CACHE}/breast-cancer").split() == ["m2"], "nothing of it is left"


def test_without_s3_the_cached_model_goes_live_and_another_is_refused(models: Path, load: SteadyLoad) -> None:
    with network.unreachable(lab.AWS_NAME):
        assert store_troubles() == [f"the model store {lab.AWS_NAME} does not answer"]
        said = refused("m4")
        assert "Failed to fetch model breast-cancer m4 to this host:" in said
        assert "X-Amz-Signature" not in said
        lab.good(deploy("m2", release_env={"LOG_PROBES": "true"}))
        assert serves("m2")
    assert store_troubles() == []
    assert lab.state()["live"]["release"]["model_version"] == "m2"
    assert "Published are: m2, m3, m4" in refused("m9")


def test_after_a_reboot_without_s3_the_cached_model_serves(models: Path) -> None:
    with network.unreachable(lab.AWS_NAME, boots=True):
        lab.good(lab.run("docker", "restart", "--time", "0", lab.CONTAINER))
        lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back")
        assert serves("m2")
        lab.predicts_right(manifest(models / "m2")["golden"])
        assert lab.on_host("ip", "route", "show", "type", "unreachable"), "S3 was out of reach all the while"


class TestKeys:
    @pytest.fixture
    def keyed(self) -> Iterator[SteadyLoad]:
        """The steady load of a client that has the first key."""
        with unfailing(20, headers={"X-Api-Key": ONE}) as load:
            yield load

    def settings(self, golden: str, *valid: str) -> dict[str, Any]:
        hashes = ",".join(hashlib.sha256(key.encode()).hexdigest() for key in valid)
        return {
            "release_secrets": {"API_KEY_SHA256": hashes, "GOLDEN_API_KEY": golden},
            "release_golden_headers": {"X-Api-Key": {"secret": "GOLDEN_API_KEY"}},
        }

    def test_a_service_with_keys_is_gated_rotated_and_proved(self, models: Path, keyed: SteadyLoad) -> None:
        said = [lab.good(deploy(**self.settings(ONE, ONE)))]
        assert self.statuses("", ONE, TWO) == [401, 200, 401]

        said.append(deploy(**self.settings("a-key-that-nobody-knows", ONE)))
        assert said[-1].code != 0
        assert "expected status 200, got 401" in said[-1].out
        assert "a-key-that-nobody-knows" not in said[-1].out

        said.append(lab.good(deploy(**self.settings(TWO, ONE, TWO))))
        assert self.statuses("", ONE, TWO) == [401, 200, 200]
        proof = ("-e", json.dumps(self.settings(TWO, ONE, TWO)))
        said.append(lab.good(lab.play("playbooks/smoke_test.yml", *lab.LIMIT, *proof, "-vv")))
        assert f"{lab.URL}/predict answers" in said[-1].out
        assert not [it for it in said if ONE in it.out or TWO in it.out]
        found = lab.on_host("grep", "-rlE", f"{ONE}|{TWO}", "/var/lib/slipway", "/var/log/slipway", "/etc/slipway")
        assert {Path(path).name for path in found.split()} == {"secrets.env"}

    @staticmethod
    def statuses(*keys: str) -> list[int]:
        golden = lab.GOLDEN[0]
        return [lab.ask(golden["path"], golden["method"], golden["body"], key).status_code for key in keys]
