"""Wrong input: a clear message, an exit code that is not 0, and nothing changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.harness import lab


@pytest.fixture(scope="module", autouse=True)
def beginning() -> None:
    lab.start("v1.0.0", recorded="v2.0.0")
    # Without a standby: a candidate takes its slot, and it ends by itself after a while. Both would be changes.
    with lab.settings(standby_s=0):
        lab.set_live("v2.0.0")
        lab.set_live("v1.0.0")


@pytest.fixture(autouse=True)
def nothing_changes() -> Iterator[None]:
    def seen() -> tuple[str, str, str]:
        return (
            lab.on_host("cat", "/var/lib/slipway/inference/state.json"),
            lab.on_host("cat", "/var/lib/slipway/inference/live.map"),
            lab.on_host("docker", "ps", "--format", "{{.ID}} {{.Names}}"),
        )

    before = seen()
    yield
    assert seen() == before
    lab.predicts_right()


def refused(done: lab.Done, *words: str) -> None:
    assert done.code != 0
    for word in words:
        assert word in done.out, done.out[-4000:]


def test_unknown_version() -> None:
    refused(lab.deploy("v9.9.9"), "has no such version", "v1.0.0", "playbooks/build.yml")


def test_unknown_version_of_a_rollback() -> None:
    refused(lab.make("rollback", "VERSION=v9.9.9"), "v9.9.9 is not recorded on this host", "v2.0.0 (release")


@pytest.mark.parametrize("version", ["latest", "1.0.0", "v1", "v1.0.0;id"])
def test_malformed_version(version: str) -> None:
    refused(lab.deploy(version), "v1.4.2")


def test_malformed_version_of_a_converge() -> None:
    done = lab.play("site.yml", "-e", "version=latest", "--tags", "release")
    refused(done, "'latest' is not a version", "services.yml")


def test_missing_model() -> None:
    done = lab.deploy("v1.0.0", "-e", json.dumps({"release_env": {"MODEL_PATH": "/nowhere"}}))
    refused(done, "/nowhere")


def test_unreachable_host() -> None:
    refused(lab.deploy("v2.0.0", "-e", "ansible_host=172.30.99.250", "--timeout", "3"), "UNREACHABLE", "172.30.99.250")


def test_wrong_host_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("ssh") / "known_hosts"
    known = (lab.ROOT / ".lab/ssh/known_hosts").read_text().split()
    key = (lab.ROOT / ".lab/ssh/id_ed25519.pub").read_text().split()[:2]
    other.write_text(f"{known[0]} {' '.join(key)}\n")
    arguments = f"-o UserKnownHostsFile={other} -o StrictHostKeyChecking=yes -o ControlPath=none"
    refused(lab.deploy("v2.0.0", "-e", json.dumps({"ansible_ssh_common_args": arguments})), "UNREACHABLE", "Host key")


def test_a_checkout_that_only_its_owner_may_read_gives_the_same_image(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As git makes it under umask 077."""
    context = tmp_path_factory.mktemp("a checkout") / "app"
    shutil.copytree(lab.ROOT / "app", context, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    for path in (context / "src", *(context / "src").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    layers = []
    for folder in (lab.ROOT / "app", context):
        words = ("--quiet", "--network=none", "--build-arg", "BASE_IMAGE=slipway-lab/python:3.11", str(folder))
        image = lab.good(lab.run("docker", "build", *words)).out.split()[-1]
        layers.append(lab.good(lab.run("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)).out)
    assert layers[0] == layers[1]


def test_no_disk_space() -> None:
    path = "/etc/slipway/inference/service.json"
    before = lab.on_host("cat", path)
    config = {**json.loads(before), "min_free_mb": 10**9}
    lab.on_host("sh", "-c", f"echo '{json.dumps(config)}' > {path}")
    try:
        refused(lab.deploy("v2.0.0"), "MB free", "releasectl prune")
    finally:
        lab.on_host("sh", "-c", f"echo '{before}' > {path}")


def test_missing_variable() -> None:
    done = lab.play("site.yml", "--tags", "release", "-e", "release_registry=")
    refused(done, "registry must not be empty. Set release_registry", "group_vars")


def test_wrong_type_of_a_variable() -> None:
    done = lab.play("site.yml", "--tags", "release", "-e", json.dumps({"release_retain_count": "many"}))
    refused(done, "release_retain_count", "many")


def test_a_variable_with_a_newline() -> None:
    done = lab.deploy("v2.0.0", "-e", json.dumps({"release_env": {"GREETING": "two\nlines"}}))
    refused(done, "GREETING", "newline")
