"""What inventory/ENV makes of hosts in AWS and of Terraform's outputs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from terraform.tools import plan as terraform_plan

ROOT = terraform_plan.ROOT
WANTED = {
    "host": "ansible_host",
    "user": "ansible_user",
    "args": "ansible_ssh_common_args",
    "registry": "aws_registry",
    "session": "aws_session",
    "domains": "(release_services | first).domains",
    "names": "tls_domains",
    "directory": "tls_directory_url",
    "ca": "service_ca_path",
    "challenge": "tls_challenge",
    "proxies": "edge_trusted_proxies",
    "built": "build_repository",
    "platforms": "build_platforms",
    "topic": "release_notify_sns_topic",
    "secrets": "aws_secrets",
    "env": "release_env",
    "service": "release_services | first",
    "models": "service_model_store",
    "backups": "backup_bucket ~ '/' ~ backup_name",
    "retention_prefix": "release_retention_prefix",
    "image": "build_registry ~ '/' ~ ((release_services | first).repository | default(release_repository))",
}


def surroundings(aws: str, facts: dict[str, Any], scratch: Path, **more: str) -> dict[str, str]:
    """The environment of a run against the stand-in for AWS, with these outputs of Terraform."""
    file = scratch / "terraform_outputs.json"
    file.write_text(json.dumps(facts))
    return {
        **os.environ,
        "SLIPWAY_TERRAFORM_OUTPUTS": str(file),
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def ask(
    env: str, aws: str, facts: dict[str, Any], scratch: Path, *more: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """One line for each host of the environment, with its variables of WANTED; `more` are further arguments."""
    wanted = "{{ {" + ", ".join(f"'{k}': {v}" for k, v in WANTED.items()) + "} }}"
    command = [
        str(ROOT / ".venv/bin/ansible"), "inference", "--inventory", f"inventory/{env}", *more,
        "--module-name", "ansible.builtin.debug", "--args", json.dumps({"msg": wanted}), "--one-line",
    ]  # fmt: skip
    shown = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    return run(command, surroundings(aws, facts, scratch, **shown, **environ))


def play(
    env: str, playbook: str, aws: str, facts: dict[str, Any], scratch: Path, *more: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "--inventory", f"inventory/{env}", playbook, *more]
    return run(command, surroundings(aws, facts, scratch, **environ))


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)


def answers(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Variables by host. AssertionError with what Ansible said when it failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line.partition(" | SUCCESS => ") for line in done.stdout.splitlines() if " => " in line]
    return {name: json.loads(facts)["msg"] for name, _, facts in said}
