"""Secrets by reference: read from AWS at the deploy, rotated by a deploy of the same version, and seen nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

VERSION = "v1.0.0"
SECRET, PARAMETER = "slipway-local/e2e", "/slipway/slipway-local/e2e"
VALUES = ("the-token-of-before", "the-token-of-after", "https://upstream.test/?key=hidden")
PATTERNS = "/run/values-of-e2e"


@pytest.fixture
def stored() -> Iterator[str]:
    """The version of the secret that the stand-in for AWS has, beside a parameter."""
    secrets, parameters = lab.aws("secretsmanager"), lab.aws("ssm")
    version = secrets.create_secret(Name=SECRET, SecretString=json.dumps({"token": VALUES[0]}))["VersionId"]
    parameters.put_parameter(Name=PARAMETER, Value=VALUES[2], Type="SecureString")
    yield version
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    parameters.delete_parameter(Name=PARAMETER)


def deploy() -> lab.Done:
    references = {"API_TOKEN": {"secretsmanager": SECRET, "key": "token"}, "UPSTREAM": {"ssm": PARAMETER}}
    return lab.good(lab.deploy(VERSION, "-vvv", "-e", json.dumps({"release_secrets": references})))


def in_the_container() -> list[str]:
    container = f"inference-{lab.state()['live']['slot']}"
    read = "import os; print(os.environ['API_TOKEN'], os.environ['UPSTREAM'])"
    return lab.on_host("docker", "exec", container, "python", "-c", read).split()


def test_a_secret_comes_by_reference_and_its_rotation_is_a_release_of_the_same_image(
    stored: str, load: SteadyLoad
) -> None:
    lab.start(VERSION)
    before = lab.state()["live"]["release"]
    try:
        said = [deploy().out]
        assert in_the_container() == [VALUES[0], VALUES[2]]
        first = lab.state()["live"]["release"]

        document = json.dumps({"token": VALUES[1]})
        rotated = lab.aws("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=document)["VersionId"]
        said.append(deploy().out)
        assert in_the_container() == [VALUES[1], VALUES[2]]
        second = lab.state()["live"]["release"]
        assert second["id"] == first["id"] + 1 and second["image"] == first["image"] == before["image"]

        said += [lab.on_host("releasectl", "history", "-n", "2"), lab.on_host("releasectl", "events", "-n", "200")]
        assert f"~API_TOKEN (version {stored[:8]} → {rotated[:8]})" in said[-2]
        said.append(lab.on_host("releasectl", "rollback", "--dry-run"))
        assert f"~API_TOKEN (version {rotated[:8]} → {stored[:8]})" in said[-1]
        assert not [value for value in VALUES for it in said if value in it]

        lab.write(PATTERNS, "\n".join(VALUES))
        places = ("/var/lib/slipway", "/var/log", "/etc", "/run/slipway", "/run/systemd")
        found = lab.on_host("grep", "-rlsF", "-f", PATTERNS, *places).split()
        assert {Path(path).name for path in found} == {"secrets.env"}
        watch = f"journalctl --boot | grep -F -f {PATTERNS}; grep -lsaF -f {PATTERNS} /proc/[0-9]*/cmdline"
        assert lab.on_host("sh", "-c", watch, check=False) == ""
    finally:
        lab.on_host("rm", "-f", PATTERNS)
        lab.on_host("releasectl", "rollback", "--to", str(before["id"]))
