"""inventory/{dev,staging,prod}: hosts by AWS's tags, everything else from Terraform's outputs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from scripts import terraform_plan
from tests.terraform.conftest import ROOT, stand_in

ENVIRONMENTS = terraform_plan.ENVIRONMENTS


def ground(env: str, **more: Any) -> dict[str, Any]:
    """Terraform's output `ansible`, as far as the inventory reads it."""
    return {
        "account": "123456789012",
        "region": "eu-central-1",
        "registry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "domain": f"{env}.example.com",
        "access": "session_manager",
        "user": "ubuntu",
        **more,
    }


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with stand_in() as address:
        yield address


@pytest.fixture(scope="module")
def hosts(aws: str) -> dict[str, str]:
    """One running host for each environment, tagged as the host module does, and others that are none of ours."""
    ec2 = boto3.client(
        "ec2", region_name="eu-central-1", endpoint_url=aws, aws_access_key_id="t", aws_secret_access_key="t"
    )
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def start(**tags: str) -> str:
        wanted = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
        made = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t4g.micro", TagSpecifications=wanted
        )
        return str(made["Instances"][0]["InstanceId"])

    start(Environment="slipway-dev", Service="inference", Role="bastion")
    ec2.stop_instances(InstanceIds=[start(Environment="slipway-dev", Service="inference", Role="host")])
    return {e: start(Environment=f"slipway-{e}", Service="inference", Role="host") for e in ENVIRONMENTS}


def ask(env: str, aws: str, tmp_path: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    facts = tmp_path / "ground.json"
    facts.write_text(json.dumps(ground(env, **more)))
    surroundings = {
        **os.environ,
        "SLIPWAY_GROUND": str(facts),
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
        "NO_PROXY": "127.0.0.1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    }
    wanted = (
        "{{ {'host': ansible_host, 'user': ansible_user, 'args': ansible_ssh_common_args, "
        "'registry': aws_registry, 'session': aws_session, 'domains': service_domains} }}"
    )
    command = [
        str(ROOT / ".venv/bin/ansible"), "inference", "--inventory", f"inventory/{env}",
        "--module-name", "ansible.builtin.debug", "--args", json.dumps({"msg": wanted}), "--one-line",
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_environment_finds_its_own_running_hosts(env: str, aws: str, hosts: dict[str, str], tmp_path: Path) -> None:
    done = ask(env, aws, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [line for line in done.stdout.splitlines() if " => " in line]
    assert len(answers) == 1, done.stdout + done.stderr
    name, _, said = answers[0].partition(" | SUCCESS => ")
    facts = json.loads(said)["msg"]
    assert name == hosts[env] == facts["host"] and facts["user"] == "ubuntu"
    assert facts["registry"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    assert facts["session"] == {"region": "eu-central-1"} and facts["domains"] == [f"{env}.example.com"]
    assert f"{ROOT}/scripts/ssm_ssh %h %r %p eu-central-1" in facts["args"]


def test_with_open_ssh_a_host_is_reached_by_its_address(aws: str, hosts: dict[str, str], tmp_path: Path) -> None:
    done = ask("dev", aws, tmp_path, access="ssh", domain=None)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout.partition(" => ")[2])["msg"]
    assert facts["host"].count(".") == 3 and facts["args"] == "" and facts["domains"] == []


def test_without_a_ground_it_says_what_to_do(tmp_path: Path) -> None:
    """An environment that was never applied is an error with a next step, never an empty inventory."""
    (tmp_path / "terraform").write_text("#!/bin/sh\necho 'Backend initialization required' >&2\nexit 1\n")
    (tmp_path / "terraform").chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    surroundings.pop("SLIPWAY_GROUND", None)
    command = [str(ROOT / "inventory/prod/ground.py"), "--list"]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "first-apply.md" in done.stderr and "ground of prod" in done.stderr


def test_the_outputs_hold_what_the_inventory_reads() -> None:
    output = (ROOT / "terraform/composition/outputs.tf").read_text()
    for key in ground("dev"):
        assert f"    {key} " in output, f"terraform's output `ansible` lacks {key}"


def tunnel(tmp_path: Path, key: str) -> subprocess.CompletedProcess[str]:
    """scripts/ssm_ssh with a stand-in for the AWS CLI that says what it was asked."""
    (tmp_path / "aws").write_text('#!/bin/sh\necho "$@" | tee -a "$0.log"\n')
    (tmp_path / "aws").chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLIPWAY_SSH_KEY": key}
    command = [str(ROOT / "scripts/ssm_ssh"), "i-1", "ubuntu", "22", "eu-central-1"]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=30)


def test_a_key_is_let_in_before_the_session_opens(tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAA")
    done = tunnel(tmp_path, str(key))
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "aws.log").read_text().splitlines()
    assert first.startswith("ec2-instance-connect send-ssh-public-key") and f"file://{key}" in first
    assert "--instance-id i-1 --instance-os-user ubuntu" in first
    assert second.startswith("ssm start-session") and "--target i-1" in second and "portNumber=22" in second
    assert done.stdout == second + "\n", "only the session may speak to SSH"


def test_without_a_key_it_says_which_it_wants(tmp_path: Path) -> None:
    done = tunnel(tmp_path, "/nonexistent.pub")
    assert done.returncode == 1 and "/nonexistent.pub" in done.stderr and "ssh-keygen" in done.stderr
