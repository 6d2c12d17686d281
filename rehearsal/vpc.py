"""What the network of a VPC brings: its resolver and the instances' metadata service. Runs in a container of its own.

python3 -m rehearsal.vpc SETTINGS   (a JSON file: see `Settings`)
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import boto3

from . import dns, elb, metadata, names
from .flags import UNDELEGATED

T = TypeVar("T")
FRESH_S = 1.0


@dataclass(frozen=True)
class Settings:
    region: str
    account: str
    vpc_id: str
    metadata_address: str
    resolver_address: str
    upstream: str
    names: dict[str, str]  # names of the services that are played → address


@dataclass
class Cached(Generic[T]):
    """A value that is asked for again when it is older than a second."""

    ask: Callable[[], T]
    clock: Callable[[], float] = time.monotonic
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    at: float = float("-inf")

    def __call__(self) -> T:
        with self.lock:
            if self.value is None or self.clock() - self.at > FRESH_S:
                self.value, self.at = self.ask(), self.clock()
            return self.value


def record(it: dict[str, Any]) -> names.Record:
    """A record set as ListResourceRecordSets has it."""
    alias = it.get("AliasTarget", {}).get("DNSName")
    values = tuple(v["Value"] for v in it.get("ResourceRecords", []))
    return names.Record(it["Name"], it["Type"], int(it.get("TTL", 60)), values, alias)


def zones(route53: Any) -> tuple[names.Zone, ...]:
    found = []
    for zone in route53.get_paginator("list_hosted_zones").paginate().search("HostedZones[]"):
        pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
        records = tuple(record(it) for it in pages.search("ResourceRecordSets[]"))
        # An empty record set answers nothing.
        found.append(names.Zone(zone["Name"], tuple(r for r in records if r.values or r.alias)))
    return tuple(found)


def role_of(iam: Any, instance: dict[str, Any]) -> str | None:
    """The role in the instance's profile."""
    arn = instance.get("IamInstanceProfile", {}).get("Arn")
    if not arn:
        return None
    roles = iam.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])["InstanceProfile"]["Roles"]
    return str(roles[0]["RoleName"]) if roles else None


def facts(settings: Settings, client: Callable[[str], Any], address: str) -> metadata.Facts | None:
    """The running instance with that private address."""
    wanted = [
        {"Name": "private-ip-address", "Values": [address]},
        {"Name": "vpc-id", "Values": [settings.vpc_id]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    reservations = client("ec2").describe_instances(Filters=wanted)["Reservations"]
    if not reservations:
        return None
    instance = reservations[0]["Instances"][0]
    encoded = client("ec2").describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    data = encoded.get("UserData", {}).get("Value")
    role = role_of(client("iam"), instance)

    def credentials() -> dict[str, Any]:
        arn = f"arn:aws:iam::{settings.account}:role/{role}"
        assumed = client("sts").assume_role(RoleArn=arn, RoleSessionName=instance["InstanceId"])
        found: dict[str, Any] = assumed["Credentials"]
        return found

    return metadata.Facts(
        instance, base64.b64decode(data) if data else None, settings.region, settings.account, role, credentials
    )


def main(path: str) -> None:
    with open(path) as file:
        settings = Settings(**json.load(file))
    clients = {s: boto3.client(s, region_name=settings.region) for s in ("ec2", "elbv2", "iam", "sts", "route53")}
    known = Cached(
        lambda: (
            *(() if UNDELEGATED.exists() else zones(clients["route53"])),
            *elb.zones(lambda service: clients[service]),
        )
    )
    resolver = dns.Server(known, settings.names, settings.upstream)
    dns.start(settings.resolver_address, 53, resolver)
    service = metadata.server(
        settings.metadata_address, 80, lambda address: facts(settings, lambda name: clients[name], address)
    )
    print("ready", flush=True)
    service.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
