"""inventory/{dev,staging,prod}: hosts by AWS's tags, everything else from Terraform's outputs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from terraform.tools import plan as terraform_plan
from tests.harness.moto import start_instance

from .conftest import ROOT, stand_in
from .inventories import answers, ask, play, run, surroundings

ENVIRONMENTS = terraform_plan.ENVIRONMENTS
STATUS, DEPLOY = "playbooks/status.yml", "playbooks/deploy.yml"


def infra(env: str, **more: Any) -> dict[str, Any]:
    """Terraform's output `ansible`."""
    return {
        "account": "123456789012",
        "region": "eu-central-1",
        "service": "inference",
        "topic": f"arn:aws:sns:eu-central-1:123456789012:slipway-{env}-alarms",
        "registry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "topology": "single",
        "domain": f"{env}.example.com",
        "cidr": "10.20.0.0/16",
        "access": "session_manager",
        "ipv6": False,
        "architecture": "x86_64",
        "user": "admin",
        "buckets": {"models": f"slipway-{env}-models-123456789012", "backups": f"slipway-{env}-backups-123456789012"},
        "secrets": {"api-key": f"slipway-{env}/api-key"},
        "store_environment": {"CACHE_USER": "service"},
        **more,
    }


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with stand_in() as address:
        yield address


@pytest.fixture(scope="module")
def hosts(aws: str) -> dict[str, str]:
    """One running host for each environment, tagged as the host module does, and others that are none of ours."""
    ec2 = client(aws, "eu-central-1")
    start_instance(ec2, Environment="slipway-dev", Service="inference", Role="bastion")
    ec2.stop_instances(InstanceIds=[start_instance(ec2, Environment="slipway-dev", Service="inference", Role="host")])
    return {e: start_instance(ec2, Environment=f"slipway-{e}", Service="inference", Role="host") for e in ENVIRONMENTS}


@pytest.fixture(scope="module")
def mixed(aws: str) -> dict[str, str]:
    """In another region, hosts of prod as they should be and as they should not; by what is wrong with them."""
    ec2 = client(aws, "eu-west-1")
    ours: dict[str, Any] = {"Environment": "slipway-prod", "Role": "host"}
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    private = {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}]}
    made = {
        "nothing": start_instance(ec2, **ours, Service="inference"),
        "no tag": start_instance(ec2, **ours),
        "lower case": start_instance(ec2, **ours, service="inference"),
        "another value": start_instance(ec2, **ours, Service="Inference"),
        "no tags at all": start_instance(ec2),
        "stopped": start_instance(ec2, **ours, Service="inference"),
        "no public address": start_instance(ec2, private, **ours, Service="inference"),
    }
    ec2.stop_instances(InstanceIds=[made["stopped"]])
    return made


def client(aws: str, region: str) -> Any:
    return boto3.client("ec2", region_name=region, endpoint_url=aws, aws_access_key_id="t", aws_secret_access_key="t")


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_environment_finds_its_own_running_hosts(env: str, aws: str, hosts: dict[str, str], tmp_path: Path) -> None:
    found = answers(ask(env, aws, infra(env), tmp_path))
    assert list(found) == [hosts[env]]
    facts = found[hosts[env]]
    assert facts["host"] == hosts[env] and facts["user"] == "admin"
    assert facts["registry"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    assert facts["session"] == {"region": "eu-central-1"} and facts["domains"] == [f"{env}.example.com"]
    script = shlex.quote(str(ROOT / "tools/ssm_ssh").replace("%", "%%"))
    assert facts["backups"] == f"slipway-{env}-backups-123456789012/{env}.example.com"
    assert f"ProxyCommand={script} %h %r %p eu-central-1" in shlex.split(facts["args"])
    # A deploy ends with a request by the public name, so the authority must be one that every client trusts.
    assert facts["directory"] == "https://acme-v02.api.letsencrypt.org/directory" and facts["ca"] == ""


def test_a_service_of_another_name_is_found_and_has_its_own_images(aws: str, tmp_path: Path) -> None:
    host = start_instance(client(aws, "eu-west-2"), Environment="slipway-prod", Service="scoring", Role="host")
    scoring = {"domains": ["s.test"], "slots": {"blue": 18080, "green": 18081}, "version": "v1"}
    more = ("--extra-vars", json.dumps({"services": {"scoring": scoring}}))
    found = answers(ask("prod", aws, infra("prod", service="scoring"), tmp_path, *more, AWS_REGION="eu-west-2"))
    assert list(found) == [host]
    facts = found[host]
    assert facts["service"]["name"] == facts["built"] == "scoring" and facts["image"].endswith("amazonaws.com/scoring")
    assert facts["topic"] == infra("prod")["topic"]


def test_a_service_that_the_inventory_does_not_know_is_named(aws: str, tmp_path: Path) -> None:
    start_instance(client(aws, "eu-west-3"), Environment="slipway-prod", Service="scoring", Role="host")
    done = ask("prod", aws, infra("prod", service="scoring"), tmp_path, AWS_REGION="eu-west-3")
    assert done.returncode != 0 and "default_service is 'scoring', which services does not have" in done.stdout


def test_a_client_can_trust_certificates_for_trying_out(aws: str, hosts: dict[str, str], tmp_path: Path) -> None:
    done = ask("dev", aws, infra("dev"), tmp_path, "--extra-vars", "service_staging_certificates=true")
    (facts,) = answers(done).values()
    assert "acme-staging" in facts["directory"]
    assert Path(facts["ca"]).samefile(ROOT / "inventory/letsencrypt_staging_roots.pem")


def test_the_staging_roots_are_those_of_letsencrypt() -> None:
    """Each by its fingerprint, as their site has them; a client can read the file."""
    context = ssl.create_default_context(cafile=ROOT / "inventory/letsencrypt_staging_roots.pem")
    roots = context.get_ca_certs(binary_form=True)
    assert {hashlib.sha256(root).hexdigest()[:16] for root in roots} >= {
        "e70570a989f8565a",  # Pretend Pear X1
        "9b2a339fe6a3e855",  # Bogus Broccoli X2
        "b59bfc0ba52daf84",  # Yearning Yucca Root YE
        "ef115fb59e040ff3",  # Yonder Yam Root YR
    }


def test_with_open_ssh_a_host_is_reached_by_its_address(aws: str, hosts: dict[str, str], tmp_path: Path) -> None:
    (facts,) = answers(ask("dev", aws, infra("dev", access="ssh"), tmp_path)).values()
    assert facts["host"].count(".") == 3 and facts["args"] == ""


@pytest.mark.parametrize(("architecture", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")])
def test_images_are_built_for_the_architecture_of_the_hosts(
    aws: str, hosts: dict[str, str], tmp_path: Path, architecture: str, platform: str
) -> None:
    """That a machine which cannot build for it refuses: tests/roles/test_build_platforms.py."""
    (facts,) = answers(ask("dev", aws, infra("dev", architecture=architecture), tmp_path)).values()
    assert facts["platforms"] == [platform]


def test_a_wrong_instance_does_not_hide_the_right_one(aws: str, mixed: dict[str, str], tmp_path: Path) -> None:
    found = answers(ask("prod", aws, infra("prod", access="ssh"), tmp_path, AWS_REGION="eu-west-1"))
    assert set(found) == {mixed["nothing"], mixed["no public address"]}
    addresses = {name: facts["host"] for name, facts in found.items()}
    assert addresses[mixed["nothing"]].count(".") == 3
    # It is a host, so a run fails on it, by a name that says why.
    assert addresses[mixed["no public address"]] == f"{mixed['no public address']}.has-no-public-address.invalid"


def test_a_run_names_the_instances_that_it_leaves_out(aws: str, mixed: dict[str, str], tmp_path: Path) -> None:
    # No task is selected, so no host has to answer.
    done = play("prod", STATUS, aws, infra("prod"), tmp_path, "--start-at-task", "nonexistent", AWS_REGION="eu-west-1")
    said = " ".join(done.stderr.split())
    for wrong in ("no tag", "lower case", "another value"):
        assert f"{mixed[wrong]} is left out: its tag Service is not inference" in said
    assert f"{mixed['stopped']} is left out: the instance is stopped" in said
    assert mixed["nothing"] not in said and mixed["no tags at all"] not in said


@pytest.mark.parametrize("wrong", [{"AWS_REGION": "eu-north-1"}, {"SLIPWAY_SUFFIX": "-dr"}], ids=["region", "suffix"])
def test_a_run_without_a_host_names_the_query(aws: str, wrong: dict[str, str], tmp_path: Path) -> None:
    done = play("prod", DEPLOY, aws, infra("prod"), tmp_path, "-e", "version=v1.0.0", **wrong)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"region: {wrong.get('AWS_REGION', 'eu-central-1')}" in done.stderr
    assert f"tag:Environment=slipway-prod{wrong.get('SLIPWAY_SUFFIX', '')} tag:Role=host" in done.stderr


def test_verify_without_a_host_is_no_success(aws: str, tmp_path: Path) -> None:
    environ = surroundings(aws, infra("prod"), tmp_path, AWS_REGION="eu-north-1")
    command = [str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q", "tests/host", "--env", "prod"]
    done = run(command, environ)
    assert done.returncode != 0 and "IndexError" not in done.stdout
    assert "region: eu-north-1" in done.stdout, done.stdout + done.stderr


UNINITIALISED = "echo 'Backend initialization required' >&2\nexit 1"


def read_outputs(tmp_path: Path, terraform: str = UNINITIALISED, **environ: str) -> subprocess.CompletedProcess[str]:
    """The inventory source of prod, with a Terraform that does this."""
    (tmp_path / "terraform").write_text(f"#!/bin/sh\n{terraform}\n")
    (tmp_path / "terraform").chmod(0o755)
    inherited = {k: v for k, v in os.environ.items() if k not in ("SLIPWAY_TERRAFORM_OUTPUTS", "SLIPWAY_GROUND")}
    environ = {**inherited, "PATH": f"{tmp_path}:{os.environ['PATH']}", **environ}
    command = [str(ROOT / "inventory/prod/terraform_outputs.py"), "--list"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)


def test_an_environment_that_was_never_applied_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    """Never an empty inventory."""
    done = read_outputs(tmp_path)
    assert done.returncode == 1 and "first-apply.md" in done.stderr and "Terraform outputs of prod" in done.stderr


def stored(**outputs: Any) -> str:
    """A shell command that prints these outputs as `terraform output -json` does."""
    return f"echo '{json.dumps({name: {'value': value} for name, value in outputs.items()})}'"


def test_an_image_can_be_built_when_only_the_registry_exists(tmp_path: Path) -> None:
    """ECS and Lambda need an image to start: `terraform apply -target=module.registry` stores no output `ansible`."""
    done = read_outputs(tmp_path, stored(registry={"registry": "only.this"}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["all"]["vars"] == {"infra": {"registry": "only.this"}}
    whole = read_outputs(tmp_path, stored(registry={"registry": "only.this"}, ansible={"region": "eu-central-1"}))
    assert json.loads(whole.stdout)["all"]["vars"] == {"infra": {"region": "eu-central-1"}}


def test_the_output_of_the_registry_is_enough_for_a_build(aws: str, tmp_path: Path) -> None:
    """playbooks/build.yml, with the keys of that output alone, gets as far as the registry."""
    facts = {key: value for key, value in infra("dev").items() if key in keys_of_the_output("registry")}
    facts["registry"] = "registry.invalid"
    done = play("dev", "playbooks/build.yml", aws, facts, tmp_path, "-e", "version=v1.0.0")
    assert "Failed to query the registry registry.invalid" in done.stdout, done.stdout + done.stderr
    assert "/v2/inference/manifests/v1.0.0" in done.stdout, done.stdout + done.stderr


def test_an_environment_without_outputs_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    done = read_outputs(tmp_path, stored())
    assert done.returncode == 1 and "has no output `ansible`" in done.stderr and "first-apply.md" in done.stderr


def test_hosts_behind_a_load_balancer_ask_no_ca_and_believe_it_about_clients(
    aws: str, hosts: dict[str, str], tmp_path: Path
) -> None:
    """The load balancer redirects port 80 and lets nothing else in, so no challenge reaches a host."""
    expected: dict[str, tuple[str, list[str]]] = {"single": ("http-01", []), "fleet": ("none", ["10.20.0.0/16"])}
    for topology, settings in expected.items():
        (facts,) = answers(ask("dev", aws, infra("dev", topology=topology), tmp_path)).values()
        assert (facts["challenge"], facts["proxies"]) == settings


def test_the_former_name_of_the_outputs_variable_is_refused_with_the_new_one(tmp_path: Path) -> None:
    """Ignored, it would silently read the state of another account."""
    (tmp_path / "outputs.json").write_text("{}")
    done = read_outputs(tmp_path, SLIPWAY_GROUND=str(tmp_path / "outputs.json"))
    assert done.returncode == 1 and "set SLIPWAY_TERRAFORM_OUTPUTS instead" in done.stderr
    named = read_outputs(tmp_path, SLIPWAY_TERRAFORM_OUTPUTS=str(tmp_path / "outputs.json"))
    assert named.returncode == 0 and json.loads(named.stdout)["all"]["vars"] == {"infra": {}}


def keys_of_the_output(name: str = "ansible") -> set[str]:
    text = (ROOT / "terraform/composition/outputs.tf").read_text()
    block = text.partition(f'output "{name}" {{')[2].partition("\n}\n")[0]
    return set(re.findall(r"^    (\w+) +=", block, re.MULTILINE))


def keys_read_by(*files: Path) -> set[str]:
    """`infra.KEY` in these files, but not in comments of YAML."""
    text = "\n".join(file.read_text() for file in files)
    return set(
        re.findall(r"\binfra(?: \| default\(\{\}\)\))?\.(\w+)", re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE))
    )


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_inventory_reads_every_key_of_the_output_and_no_other(env: str) -> None:
    """What nothing reads is removed from terraform/composition/outputs.tf, or gets its own output for persons."""
    files = [file for file in (ROOT / "inventory" / env).rglob("*.yml") if file.is_file()]
    assert keys_read_by(*files) == keys_of_the_output() == set(infra(env))


def test_the_documentation_names_no_other_key() -> None:
    named = keys_read_by(*(ROOT / "docs").rglob("*.md"), ROOT / "README.md")
    assert named and named <= keys_of_the_output()


def test_a_service_gets_the_secrets_and_the_stores_that_terraform_made(
    aws: str, hosts: dict[str, str], tmp_path: Path
) -> None:
    (facts,) = answers(ask("dev", aws, infra("dev"), tmp_path)).values()
    assert facts["secrets"] == {"api-key": "slipway-dev/api-key"} and facts["env"] == {"CACHE_USER": "service"}


def tunnel(tmp_path: Path, user: str = "ubuntu", **more: str) -> subprocess.CompletedProcess[str]:
    """tools/ssm_ssh with a stand-in for the AWS CLI that says what it was asked, and exits with CODE."""
    (tmp_path / "aws").write_text('#!/bin/sh\necho "$@" | tee -a "$0.log"\nexit ${CODE:-0}\n')
    (tmp_path / "aws").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), **more}
    command = [str(ROOT / "tools/ssm_ssh"), "i-1", user, "22", "eu-central-1"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", ["my key.pub", ".ssh/id_ed25519.pub", ".ssh/id_rsa.pub"])
def test_ubuntu_lets_a_key_in_before_the_session_opens(tmp_path: Path, name: str) -> None:
    key = tmp_path / name
    key.parent.mkdir(exist_ok=True)
    key.write_text("ssh-ed25519 AAAA")
    done = tunnel(tmp_path, **({"SLIPWAY_SSH_KEY": str(key)} if name == "my key.pub" else {}))
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "aws.log").read_text().splitlines()
    assert first.startswith("ec2-instance-connect send-ssh-public-key") and f"file://{key}" in first
    assert "--instance-id i-1 --instance-os-user ubuntu" in first
    assert second.startswith("ssm start-session") and "--target i-1" in second and "portNumber=22" in second
    assert done.stdout == second + "\n", "only the session may speak to SSH"


def test_debian_needs_no_file_with_a_key_and_no_instance_connect(tmp_path: Path) -> None:
    """Its image has no Instance Connect: keys are in from the first boot, and an agent may hold the private one."""
    done = tunnel(tmp_path, "admin")
    assert done.returncode == 0, done.stderr
    (only,) = (tmp_path / "aws.log").read_text().splitlines()
    assert only.startswith("ssm start-session") and "--target i-1" in only and "portNumber=22" in only


def test_without_a_session_it_says_where_to_look(tmp_path: Path) -> None:
    done = tunnel(tmp_path, "admin", CODE="254")
    assert done.returncode == 254
    command = "aws ec2 get-console-output --region eu-central-1 --instance-id i-1 --latest --output text"
    assert "user data" in done.stderr and command in done.stderr
    (page,) = re.findall(r"docs/runbooks/\S+\.md", done.stderr)
    assert (ROOT / page).is_file()


def test_without_a_key_it_says_which_it_wants(tmp_path: Path) -> None:
    done = tunnel(tmp_path, SLIPWAY_SSH_KEY="/nonexistent.pub")
    assert done.returncode == 1 and "/nonexistent.pub" in done.stderr and "ssh-keygen" in done.stderr
