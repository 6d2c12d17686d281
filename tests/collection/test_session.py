"""What a shell says of AWS never breaks what the inventory says in full, and whatever fails there is one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
import yaml
from ansible_collections.slipway.ops.plugins.module_utils import registry, session, web
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from botocore.exceptions import ClientError

from tests.harness import cloud
from tests.harness.serving import serving

SSO = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n[sso-session corp]\n"
SSO += "sso_region = eu-central-1\nsso_start_url = https://corp.example.com/start\n"
# What a shell may hold → AWS's configuration file, and variables.
SHELLS: dict[str, tuple[str, dict[str, str]]] = {
    "an unknown profile": ("", {"AWS_PROFILE": "work"}),
    "an unknown profile, by the other name": ("", {"AWS_DEFAULT_PROFILE": "work"}),
    "an empty profile": ("[profile work]\n", {"AWS_PROFILE": "work"}),
    "no name of a profile": ("", {"AWS_PROFILE": ""}),
    "a missing program": ("[profile work]\ncredential_process = /nonexistent/get --it\n", {"AWS_PROFILE": "work"}),
    "a program that fails": ("[profile work]\ncredential_process = false\n", {"AWS_PROFILE": "work"}),
    "a program that talks": ("[profile work]\ncredential_process = echo hello\n", {"AWS_PROFILE": "work"}),
    "half a pair": ("[profile work]\naws_access_key_id = AKIA\n", {"AWS_PROFILE": "work"}),
    "SSO that has ended": (SSO, {"AWS_PROFILE": "work"}),
    "a loop of roles": ("[profile work]\nrole_arn = arn:a\nsource_profile = work\n", {"AWS_PROFILE": "work"}),
    "a broken file": ("[profile work\nregion eu\n", {}),
    "a file that is no text": ("\udcff\udcfe[profile", {}),
    "another endpoint": ("", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:1"}),
    "an endpoint that is none": ("", {"AWS_ENDPOINT_URL": "nonsense"}),
    "another region": ("", {"AWS_REGION": "xx-nowhere-1", "AWS_DEFAULT_REGION": "no region"}),
    "endpoints of AWS's own": ("", {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    "other keys": ("", {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_SESSION_TOKEN": "C"}),
}  # fmt: skip
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret"}


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name.endswith("_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    text, variables = SHELLS[name]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_bytes(text.encode(errors="surrogateescape"))
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture(scope="module")
def aws() -> Iterator[cloud.Cloud]:
    with serving(cloud.Cloud()) as server:
        yield server


@pytest.mark.parametrize("name", SHELLS)
def test_explicit_keys_win_over_the_shell(
    aws: cloud.Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    shell(monkeypatch, tmp_path, name)
    url = f"http://127.0.0.1:{aws.server_port}"
    options = {"region": "eu-central-1", "endpoint_url": url, "access_key": "lab", "secret_key": "lab-secret"}
    found = registry.credentials(Session.of({**options, "profile": None, "ca_bundle": None}))
    assert found == registry.Credentials("AWS", "s3cret")
    assert "Credential=lab/" in aws.seen[-1][3] and "/eu-central-1/ecr/" in aws.seen[-1][3]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("an unknown profile", ("profile does not exist", "set by AWS_PROFILE in the environment", "list-profiles")),
        ("an unknown profile, by the other name", ("set by AWS_DEFAULT_PROFILE in", "list-profiles")),
        ("an empty profile", ("no AWS credentials", "set by AWS_PROFILE", "`aws configure --profile work`")),
        ("no name of a profile", ("no AWS credentials were found", "`aws configure`")),
        ("a missing program", ("/nonexistent/get", "set by AWS_PROFILE", "credential_process", "~/.aws/config")),
        ("a program that fails", ("cannot be retrieved", "set by AWS_PROFILE", "--profile work")),
        ("a program that talks", ("set by AWS_PROFILE", "prints no credentials", ".aws/config")),
        ("half a pair", ("credentials are incomplete", "set by AWS_PROFILE", "`aws configure --profile work`")),
        ("SSO that has ended", ("SSO session has expired", "set by AWS_PROFILE", "`aws sso login --profile work`")),
        ("a loop of roles", ("set by AWS_PROFILE", "--profile work")),
        ("a broken file", ("cannot be parsed", ".aws/config")),
        ("a file that is no text", ("cannot be parsed", ".aws/config")),
        ("another endpoint", ("http://127.0.0.1:1", "AWS_ENDPOINT_URL in the environment", "unset")),
        ("an endpoint that is none", ("nonsense", "AWS_ENDPOINT_URL in the environment", "unset")),
    ],
)
def test_without_them_whatever_fails_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, says: tuple[str, ...]
) -> None:
    shell(monkeypatch, tmp_path, name)
    if "endpoint" in name:
        for variable, value in KEYS.items():
            monkeypatch.setenv(variable, value)
    with pytest.raises(RegistryError) as raised:
        registry.credentials(Session.of({"region": "eu-central-1"}))
    text = str(raised.value)
    assert text.startswith("Failed to get an ECR token: ") and text.endswith(".") and "\n" not in text
    for words in says:
        assert words in text
    assert "s3cret" not in text


def test_a_profile_of_the_inventory_is_named_as_such() -> None:
    with pytest.raises(RegistryError, match=r"profile prod is set by aws_session\.profile in the inventory"):
        registry.credentials(Session.of({"region": "eu-central-1", "profile": "prod"}))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired"),
        ("ExpiredToken", "the AWS credentials have expired"),
        ("UnrecognizedClientException", "AWS does not accept these credentials"),
        ("InvalidSignatureException", "this machine's clock"),
        ("AccessDeniedException", "the policy of that identity"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(code: str, says: str) -> None:
    refusal = ClientError({"Error": {"Code": code, "Message": "no"}}, "GetAuthorizationToken")
    with (
        mock.patch.object(session.Session, "client", side_effect=refusal),
        pytest.raises(RegistryError) as raised,
    ):
        registry.credentials(Session())
    assert says in str(raised.value)


def test_half_a_pair_of_keys_is_refused() -> None:
    with pytest.raises(RegistryError, match="needs access_key and secret_key"):
        Session.of({"access_key": "lab"})


@pytest.mark.parametrize("flag", ["HAS_BOTOCORE", "HAS_REQUESTS"])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    module: Any = session if flag == "HAS_BOTOCORE" else web
    monkeypatch.setattr(module, flag, False)
    given = Session("eu-central-1", ca_bundle="/ca.pem", access_key="a", secret_key="b")
    with pytest.raises(RegistryError, match=r"Failed to import the required Python library \((boto3|requests)\)"):
        if flag == "HAS_BOTOCORE":
            registry.credentials(given)
        else:
            registry.digest(given, registry.Credentials("AWS", "x"), "registry.test", "inference", "v1.0.0")


def test_the_lab_s_tasks_find_a_profile_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of amazon.aws cannot be told to look for none: theirs is a file of the role."""
    role = Path(__file__).parent.parent.parent / "roles/lab_services"
    tasks = yaml.safe_load((role / "tasks/run.yml").read_text())
    asking = [(task, task[name]) for task in tasks for name in task if name.split(".")[1:2] == ["aws"]]
    assert len(asking) == 2
    for task, options in asking:
        assert task["environment"] == "{{ _lab_services_environment }}"
        assert options["profile"] == options["session_token"] == ""
    variables = yaml.safe_load((role / "vars/main.yml").read_text())["_lab_services_environment"]
    for name, value in {"AWS_PROFILE": "work", "AWS_DEFAULT_PROFILE": "work", **variables}.items():
        monkeypatch.setenv(name, value.replace("{{ role_path }}", str(role)))
    assert boto3.Session("lab", "lab").client("ecr", region_name="eu-central-1", endpoint_url="http://127.0.0.1:1")
