#!/usr/bin/env python3
"""Let this machine's SSH key log in to an environment's hosts for two hours.

    .venv/bin/python tools/authorize_key.py ENVIRONMENT [--key ~/.ssh/id_ed25519.pub] [--terraform DIR]

For the pipeline, whose jobs make a key each, and for Debian: hosts with Ubuntu take it by EC2 Instance Connect
(tools/ssm_ssh). The key goes by Systems Manager's Run Command, with the document that Terraform's output
`authorize_key` names. Exit code 1: a host has not taken it, or there is none.
https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 120.0
UNDER_WAY = {"Pending", "InProgress", "Delayed"}


class Refused(Exception):
    """Why no key was authorized, and what to do."""


def settings(folder: Path) -> dict[str, str] | None:
    """Terraform's output `authorize_key`: document, region, environment. None: no host needs it. Raises Refused."""
    command = ["terraform", "output", "-json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(f"terraform output failed in {folder}: {done.stderr.strip()}")
    outputs = json.loads(done.stdout)
    if "authorize_key" not in outputs:
        raise Refused(f"The Terraform state of {folder} has no output authorize_key: run terraform apply there first.")
    found: dict[str, str] | None = outputs["authorize_key"]["value"]
    return found


def public_key(file: Path) -> str:
    """Type and key, without the comment. Raises Refused for anything but an ed25519 key."""
    try:
        words = file.read_text().split()
    except OSError as error:
        raise Refused(f"No public key at {file} ({error.strerror}): ssh-keygen -t ed25519 makes one.") from error
    if words[:1] != ["ssh-ed25519"] or len(words) < 2:
        raise Refused(f"{file} is no ed25519 key, the only kind that is accepted: ssh-keygen -t ed25519 makes one.")
    return " ".join(words[:2])


def hosts(ec2: Any, environment: str) -> list[str]:
    """Ids of the running instances that are hosts of the environment."""
    wanted = {"tag:Environment": environment, "tag:Role": "host", "instance-state-name": "running"}
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": name, "Values": [value]} for name, value in wanted.items()]
    )
    return sorted(i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"])


def outcome(ssm: Any, command: str, instance: str, deadline_s: float) -> str:
    """`Success`, or how the command ended on this instance, with its last words."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            found = ssm.get_command_invocation(CommandId=command, InstanceId=instance)
        except ssm.exceptions.InvocationDoesNotExist:
            found = {"Status": "Pending"}  # for a moment after SendCommand
        status: str = found["Status"]
        if status == "Success":
            return status
        if status not in UNDER_WAY or time.monotonic() >= end:
            return f"{status} {found.get('StandardErrorContent', '').strip()}".strip()
        time.sleep(1)


def authorize(session: Any, wanted: dict[str, str], key: str, deadline_s: float = DEADLINE_S) -> list[str]:
    """The hosts that have taken the key. Raises Refused if one has not, or if there is none."""
    instances = hosts(session.client("ec2"), wanted["environment"])
    if not instances:
        raise Refused(f"{wanted['environment']} has no running host in {wanted['region']}: nothing could take the key.")
    ssm = session.client("ssm")
    sent = ssm.send_command(
        DocumentName=wanted["document"], InstanceIds=instances, Parameters={"publicKey": [key]}, TimeoutSeconds=60
    )
    command = sent["Command"]["CommandId"]
    ends = {instance: outcome(ssm, command, instance, deadline_s) for instance in instances}
    if failed := [f"{instance}: {end}" for instance, end in ends.items() if end != "Success"]:
        raise Refused(
            f"The key was not authorized on {'; '.join(failed)}. `aws ssm describe-instance-information` shows whether "
            "the host's agent is connected."
        )
    return instances


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Let this machine's SSH key log in to the hosts for two hours.")
    parser.add_argument("environment", help="directory in terraform/environments")
    parser.add_argument("--key", type=Path, default=Path("~/.ssh/id_ed25519.pub").expanduser())
    parser.add_argument("--terraform", type=Path, help="directory with the state (default: terraform/environments/ENV)")
    given = parser.parse_args(arguments)
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        wanted = settings(given.terraform or ROOT / "terraform" / "environments" / given.environment)
        if wanted is None:
            print(
                f"{given.environment}: no host needs it (EC2 Instance Connect, or no pipeline: ci in terraform.tfvars)"
            )
            return 0
        taken = authorize(boto3.Session(region_name=wanted["region"]), wanted, public_key(given.key))
    except (Refused, BotoCoreError, ClientError) as error:
        print(f"authorize_key: {error}", file=sys.stderr)
        return 1
    print(f"{given.environment}: {', '.join(taken)} may be reached with {given.key} for two hours")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
