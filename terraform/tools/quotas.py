#!/usr/bin/env python3
"""Is there room in the account? What an environment needs of each quota, what is used, what is left.

    terraform/tools/quotas.py ENV                  plans the environment from nothing and asks the account (read only)
    terraform/tools/quotas.py ENV --plan FILE      of a plan's JSON

Exit: 0 there is room · 1 something does not fit · 2 the account or the plan could not be read. A quota that could not
be read is said to be unknown and counts as not fitting: unknown is not empty.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from terraform.tools import plan as terraform_plan

PATIENCE = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
# Standard families (A, C, D, H, I, M, R, T, Z) share one quota, counted in vCPUs.
VCPUS = {
    "nano": 2,
    "micro": 2,
    "small": 2,
    "medium": 2,
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
}
ONE_VCPU = ("c7g.medium", "m7g.medium", "r7g.medium", "c6g.medium", "m6g.medium")


@dataclass(frozen=True)
class Quota:
    """A limit of the account in a region, and how its use is counted."""

    name: str
    service: str
    code: str
    used: Callable[[Session], int]
    region: str | None = None  # where it is known, if not in the region it is asked for


@dataclass(frozen=True)
class Verdict:
    """One line of the answer; limit and used are None when the account did not say."""

    name: str
    needed: int
    used: int | None
    limit: int | None
    cause: str = ""

    @property
    def fits(self) -> bool:
        return self.used is not None and self.limit is not None and self.used + self.needed <= self.limit


class Session:
    """The account, read only; one client for each service."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._session = boto3.session.Session(region_name=region)
        self._clients: dict[str, Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        key = f"{service} {region}"
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=region, config=PATIENCE)
        return self._clients[key]

    def count(self, service: str, call: str, key: str, **arguments: Any) -> int:
        client = self.client(service)
        if client.can_paginate(call):
            return sum(len(page[key]) for page in client.get_paginator(call).paginate(**arguments))
        return len(getattr(client, call)(**arguments)[key])

    def limit(self, quota: Quota) -> int:
        """The account's own value of a quota, else AWS's default."""
        client, named = (
            self.client("service-quotas", quota.region),
            {"ServiceCode": quota.service, "QuotaCode": quota.code},
        )
        try:
            return int(client.get_service_quota(**named)["Quota"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
        return int(client.get_aws_default_service_quota(**named)["Quota"]["Value"])


def vcpus(kind: str) -> int:
    """vCPUs of an instance type of a standard family; KeyError when its size is not known here."""
    return 1 if kind in ONE_VCPU else VCPUS[kind.split(".")[1]]


def running_vcpus(session: Session) -> int:
    total = 0
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    for page in session.client("ec2").get_paginator("describe_instances").paginate(Filters=states):
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                options = instance.get("CpuOptions", {})
                counted = options.get("CoreCount", 0) * options.get("ThreadsPerCore", 0)
                total += counted or vcpus(instance["InstanceType"])
    return total


QUOTAS = (
    Quota("vCPUs (standard instances)", "ec2", "L-1216C47A", running_vcpus),
    Quota("elastic IP addresses", "ec2", "L-0263D0A3", lambda s: s.count("ec2", "describe_addresses", "Addresses")),
    Quota("VPCs", "vpc", "L-F678F1CE", lambda s: s.count("ec2", "describe_vpcs", "Vpcs")),
    Quota(
        "internet gateways",
        "vpc",
        "L-A4707A72",
        lambda s: s.count("ec2", "describe_internet_gateways", "InternetGateways"),
    ),
    Quota(
        "application load balancers",
        "elasticloadbalancing",
        "L-53DA6B97",
        lambda s: s.count("elbv2", "describe_load_balancers", "LoadBalancers"),
    ),
    Quota("certificates", "acm", "L-F141DD1D", lambda s: s.count("acm", "list_certificates", "CertificateSummaryList")),
    # An account's buckets are counted over all regions, and the quota is known in one.
    Quota("buckets", "s3", "L-DC2B2D3D", lambda s: len(s.client("s3").list_buckets()["Buckets"]), region="us-east-1"),
)


def needs(plan: dict[str, Any]) -> dict[str, int]:
    """What a plan takes of each quota, by the quota's name; a fleet counts at its largest."""
    made = [
        (r["type"], r["change"]["after"])
        for r in plan["resource_changes"]
        if r["mode"] == "managed" and r["change"]["after"] is not None
    ]

    def number(*types: str) -> int:
        return sum(kind in types for kind, _ in made)

    cores = sum(vcpus(after["instance_type"]) for kind, after in made if kind == "aws_instance")
    for kind, after in made:
        if kind == "aws_autoscaling_group":
            types = [o["instance_type"] for o in after["mixed_instances_policy"][0]["launch_template"][0]["override"]]
            cores += after["max_size"] * max(vcpus(t) for t in types)
    return {
        "vCPUs (standard instances)": cores,
        "elastic IP addresses": number("aws_eip"),
        "VPCs": number("aws_vpc"),
        "internet gateways": number("aws_internet_gateway"),
        "application load balancers": number("aws_lb"),
        "certificates": number("aws_acm_certificate"),
        "buckets": number("aws_s3_bucket"),
    }


def ask(session: Session, needed: dict[str, int]) -> list[Verdict]:
    """Every quota that the plan needs something of, in the order of QUOTAS."""
    verdicts = []
    for quota in QUOTAS:
        need = needed[quota.name]
        if need == 0:
            continue
        used: int | None = None
        limit: int | None = None
        cause = ""
        try:
            used = quota.used(session)
            limit = session.limit(quota)
        except ClientError as error:
            cause = error.response["Error"]["Code"]
        except KeyError as error:
            cause = f"an instance of unknown size runs: {error.args[0]}"
        verdicts.append(Verdict(quota.name, need, used, limit, cause))
    return verdicts


def report(verdicts: list[Verdict]) -> str:
    def shown(value: int | None) -> str:
        return "unknown" if value is None else str(value)

    rows = [f"{'quota':<28}{'needed':>8}{'used':>9}{'limit':>9}{'left after':>12}"]
    for v in verdicts:
        left = None if v.used is None or v.limit is None else v.limit - v.used - v.needed
        word = (
            ""
            if v.fits
            else f"  <- unknown: {v.cause}"
            if left is None
            else "  <- does not fit: ask AWS for more, or free some"
        )
        rows.append(f"{v.name:<28}{v.needed:>8}{shown(v.used):>9}{shown(v.limit):>9}{shown(left):>12}{word}")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("env", choices=terraform_plan.ENVIRONMENTS)
    parser.add_argument("--plan", type=Path)
    asked = parser.parse_args()
    try:
        if asked.plan:
            plan = json.loads(asked.plan.read_text())
        else:
            with terraform_plan.workspace(asked.env) as folder:
                plan = terraform_plan.plan(folder, asked.env, terraform_plan.example_variables(asked.env))
            if hint := terraform_plan.of_the_example(asked.env):
                print(hint, file=sys.stderr)
        region = plan["variables"]["region"]["value"]
        verdicts = ask(Session(region), needs(plan))
    except (terraform_plan.PlanError, BotoCoreError, OSError, json.JSONDecodeError) as error:
        print(f"Failed to check the account's room for {asked.env}: {error}", file=sys.stderr)
        return 2
    print(f"{asked.env} in {region}, if nothing of it exists yet:\n{report(verdicts)}")
    return 0 if all(v.fits for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
