#!/usr/bin/env python3
"""Check that the AWS quotas have room for an environment: required, used, available.

    terraform/tools/quotas.py ENV                  plans the environment from nothing and asks the account (read only)
    terraform/tools/quotas.py ENV --plan FILE      of a plan's JSON

Exit: 0 there is room · 1 something does not fit · 2 the account or the plan could not be read. A quota that could not
be read is said to be unknown and counts as not fitting: unknown is not empty.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
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
# Standard families (A, C, D, H, I, M, R, T, Z) share one quota, counted in vCPUs; accelerated ones have their own.
FAMILIES = {"g": "G", "vt": "G", "p": "P", "inf": "Inf"}
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
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
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
    """vCPUs of an instance type; KeyError when its size is not known here."""
    return 1 if kind in ONE_VCPU else VCPUS[kind.split(".")[1]]


def family(kind: str) -> str:
    """The quota that an instance type counts in: standard, G, P or Inf."""
    letters = re.match(r"[a-z]+", kind)
    return FAMILIES.get(letters[0] if letters else "", "standard")


def vcpus_name(kind: str, spot: bool = False) -> str:
    """Name of the quota of an instance type."""
    return f"vCPUs ({family(kind)}{', Spot' if spot else ''})"


def running_vcpus(name: str) -> Callable[[Session], int]:
    """Counts the instances that a quota of vCPUs is used by."""

    def used(session: Session) -> int:
        total = 0
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for page in session.client("ec2").get_paginator("describe_instances").paginate(Filters=states):
            for instance in (i for r in page["Reservations"] for i in r["Instances"]):
                spot = instance.get("InstanceLifecycle") == "spot"
                if vcpus_name(instance["InstanceType"], spot) == name:
                    options = instance.get("CpuOptions", {})
                    counted = options.get("CoreCount", 0) * options.get("ThreadsPerCore", 0)
                    total += counted or vcpus(instance["InstanceType"])
        return total

    return used


def nat_gateways(session: Session) -> int:
    """The NAT gateways of the zone that has most of them: the quota is one of a zone."""
    ec2 = session.client("ec2")
    zones = {
        subnet["SubnetId"]: subnet["AvailabilityZone"]
        for page in ec2.get_paginator("describe_subnets").paginate()
        for subnet in page["Subnets"]
    }
    found = Counter(
        zones.get(gateway["SubnetId"])
        for page in ec2.get_paginator("describe_nat_gateways").paginate()
        for gateway in page["NatGateways"]
        if gateway["State"] in ("pending", "available")
    )
    return max(found.values(), default=0)


def reserved_concurrency(session: Session) -> int:
    """What functions of the account have taken of its concurrency for themselves."""
    limits = session.client("lambda").get_account_settings()["AccountLimit"]
    return int(limits["ConcurrentExecutions"] - limits["UnreservedConcurrentExecutions"])


def fargate_vcpus(session: Session) -> int:
    """vCPUs of the tasks that run, rounded up."""
    ecs = session.client("ecs")
    units = 0
    for clusters in ecs.get_paginator("list_clusters").paginate():
        for cluster in clusters["clusterArns"]:
            for tasks in ecs.get_paginator("list_tasks").paginate(cluster=cluster, launchType="FARGATE"):
                if tasks["taskArns"]:
                    described = ecs.describe_tasks(cluster=cluster, tasks=tasks["taskArns"])["tasks"]
                    units += sum(int(task["cpu"]) for task in described)
    return math.ceil(units / 1024)


VCPU_CODES = {
    "vCPUs (standard)": "L-1216C47A",
    "vCPUs (standard, Spot)": "L-34B43A08",
    "vCPUs (G)": "L-DB2E81BA",
    "vCPUs (G, Spot)": "L-3819A6DF",
    "vCPUs (P)": "L-417A185B",
    "vCPUs (P, Spot)": "L-7212CCBC",
    "vCPUs (Inf)": "L-1945791B",
    "vCPUs (Inf, Spot)": "L-B5D1601B",
}
# AWS keeps this much of the concurrency of an account for functions that reserve none.
UNRESERVED_CONCURRENCY = 100

QUOTAS = (
    *(Quota(name, "ec2", code, running_vcpus(name)) for name, code in VCPU_CODES.items()),
    Quota("Fargate vCPUs", "fargate", "L-3032A538", fargate_vcpus),
    Quota("Lambda concurrency", "lambda", "L-B99A9384", reserved_concurrency),
    Quota("NAT gateways in a zone", "vpc", "L-FE5A380F", nat_gateways),
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

    cores: Counter[str] = Counter()
    tasks = functions = 0
    for kind, after in made:
        if kind == "aws_instance":
            cores[vcpus_name(after["instance_type"])] += vcpus(after["instance_type"])
        elif kind == "aws_autoscaling_group":
            policy = after["mixed_instances_policy"][0]
            largest = max((o["instance_type"] for o in policy["launch_template"][0]["override"]), key=vcpus)
            shares = policy["instances_distribution"][0]
            base = min(after["max_size"], shares["on_demand_base_capacity"] or 0)
            above = math.ceil((after["max_size"] - base) * shares["on_demand_percentage_above_base_capacity"] / 100)
            cores[vcpus_name(largest)] += (base + above) * vcpus(largest)
            cores[vcpus_name(largest, spot=True)] += (after["max_size"] - base - above) * vcpus(largest)
        elif kind == "aws_appautoscaling_target":
            tasks += after["max_capacity"]
        elif kind == "aws_lambda_function":
            functions += max(after.get("reserved_concurrent_executions") or 0, 0)
    cpu = max((int(after["cpu"]) for kind, after in made if kind == "aws_ecs_task_definition"), default=0)
    return {
        **{name: cores[name] for name in VCPU_CODES},
        "Fargate vCPUs": math.ceil(tasks * cpu / 1024),
        "Lambda concurrency": functions + UNRESERVED_CONCURRENCY if functions else 0,
        # One in each zone, however many zones there are.
        "NAT gateways in a zone": min(number("aws_nat_gateway"), 1),
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
        print(f"Failed to check the quotas of {asked.env}: {error}", file=sys.stderr)
        return 2
    print(f"{asked.env} in {region}, if nothing of it exists yet:\n{report(verdicts)}")
    return 0 if all(v.fits for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
