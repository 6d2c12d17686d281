"""What the AWS API says of load balancers, in the words of rehearsal/haproxy.py; and what the checks see, back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .haproxy import Balancer, Check, Group, Listener, Rule, Target
from .names import Record, Zone

TTL_S = 60
Client = Callable[[str], Any]
REASONS = {"L7STS": "Target.ResponseCodeMismatch", "L4TOUT": "Target.Timeout", "L6TOUT": "Target.Timeout"}
REASONS["L7TOUT"] = "Target.Timeout"
INITIAL = {
    "state": "initial",
    "reason": "Elb.InitialHealthChecking",
    "description": "Initial health checks in progress",
}


def interface(arn: str) -> str:
    """The description of a load balancer's network interfaces."""
    return f"ELB {arn.partition(':loadbalancer/')[2]}"


def addresses(described: Mapping[str, Any], interfaces: Mapping[str, Any]) -> dict[str, str]:
    """Load balancer (ARN) → its first address, from DescribeLoadBalancers and DescribeNetworkInterfaces.

    AWS has a node in each subnet; the rehearsal plays that of the first one.
    """
    known = {
        (it["Description"], it["SubnetId"]): it["PrivateIpAddress"] for it in interfaces.get("NetworkInterfaces", [])
    }
    found = {}
    for it in described["LoadBalancers"]:
        subnets = [zone["SubnetId"] for zone in it["AvailabilityZones"]]
        own = [known[key] for subnet in subnets if (key := (interface(it["LoadBalancerArn"]), subnet)) in known]
        if own:
            found[it["LoadBalancerArn"]] = own[0]
    return found


def read_addresses(client: Client) -> tuple[dict[str, Any], dict[str, str]]:
    """DescribeLoadBalancers, and each one's address by ARN."""
    described: dict[str, Any] = client("elbv2").describe_load_balancers()
    if not described["LoadBalancers"]:
        return described, {}
    return described, addresses(described, client("ec2").describe_network_interfaces())


def zones(client: Client) -> tuple[Zone, ...]:
    """A zone for the name of each load balancer, as Amazon has them."""
    described, known = read_addresses(client)
    named = [(it["DNSName"], known.get(it["LoadBalancerArn"])) for it in described["LoadBalancers"]]
    return tuple(Zone(name, (Record(name, "A", TTL_S, (address,)),)) for name, address in named if address)


def check(group: Mapping[str, Any]) -> Check | None:
    if not group.get("HealthCheckEnabled", True):
        return None
    port = str(group.get("HealthCheckPort", "traffic-port"))
    return Check(
        protocol=group["HealthCheckProtocol"],
        port=int(port) if port.isdigit() else None,
        path=group.get("HealthCheckPath") or "/",
        interval_s=int(group["HealthCheckIntervalSeconds"]),
        timeout_s=int(group["HealthCheckTimeoutSeconds"]),
        healthy=int(group["HealthyThresholdCount"]),
        unhealthy=int(group["UnhealthyThresholdCount"]),
        codes=group.get("Matcher", {}).get("HttpCode") or "200",
    )


def targets(health: Iterable[Mapping[str, Any]], instances: Mapping[str, str]) -> tuple[Target, ...]:
    """Those that may get requests, by DescribeTargetHealth; instances: id → private address."""
    found = [it["Target"] for it in health if it["TargetHealth"]["State"] not in ("unused", "draining", "unavailable")]
    placed = [(it["Id"], instances.get(it["Id"], "") if it["Id"].startswith("i-") else it["Id"], it) for it in found]
    ordered = sorted((key, address, int(it["Port"])) for key, address, it in placed if address)
    return tuple(Target(*it) for it in ordered)


def rules(listener: Mapping[str, Any], described: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """By priority; the listener's own default action comes last."""
    own = sorted((it for it in described if not it["IsDefault"]), key=lambda it: int(it["Priority"]))
    return (
        *(Rule(tuple(it["Conditions"]), it["Actions"][-1]) for it in own),
        Rule((), listener["DefaultActions"][-1]),
    )


def group(client: Client, it: Mapping[str, Any], instances: Mapping[str, str]) -> Group:
    elb, arn = client("elbv2"), it["TargetGroupArn"]
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    delay = int(attributes.get("deregistration_delay.timeout_seconds", 300))
    return Group(arn, it["TargetGroupName"], it["Protocol"], check(it), delay, targets(health, instances))


def certificates(client: Client, listener: Mapping[str, Any]) -> list[str]:
    """ARNs, the default one first."""
    if listener["Protocol"] != "HTTPS":
        return []
    described = client("elbv2").describe_listener_certificates(ListenerArn=listener["ListenerArn"])["Certificates"]
    first = [it["CertificateArn"] for it in listener.get("Certificates", [])]
    return list(dict.fromkeys([*first, *(it["CertificateArn"] for it in described)]))


def balancers(client: Client, file: Callable[[str], str]) -> list[Balancer]:
    """All load balancers; file: certificate (ARN) → the name of its file."""
    described, known = read_addresses(client)
    if not known:
        return []
    elb, found = client("elbv2"), []
    every = elb.describe_target_groups()["TargetGroups"]
    instances = {
        it["InstanceId"]: it.get("PrivateIpAddress", "")
        for reservation in client("ec2").describe_instances()["Reservations"]
        for it in reservation["Instances"]
        if it["State"]["Name"] in ("pending", "running")
    }
    for it in described["LoadBalancers"]:
        arn = it["LoadBalancerArn"]
        if arn not in known:
            continue
        attributes = {
            a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        }
        groups = [it for it in every if arn in it.get("LoadBalancerArns", [])]
        listeners = [
            Listener(
                int(own["Port"]),
                own["Protocol"],
                tuple(file(certificate) for certificate in certificates(client, own)),
                rules(own, elb.describe_rules(ListenerArn=own["ListenerArn"])["Rules"]),
            )
            for own in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        ]
        found.append(
            Balancer(
                arn,
                it["LoadBalancerName"],
                it["VpcId"],
                known[arn],
                int(attributes.get("idle_timeout.timeout_seconds", 60)),
                tuple(sorted(listeners, key=lambda own: own.port)),
                {g["TargetGroupArn"]: group(client, g, instances) for g in groups},
            )
        )
    return found


def seen(status: str, how: str, code: str) -> dict[str, str]:
    """A target's health as DescribeTargetHealth has it, from three columns of HAProxy's statistics."""
    if status.startswith(("UP", "no check")):
        return {"state": "healthy", "reason": "", "description": ""}
    if how.lstrip("* ") in ("", "INI", "UNK"):
        return INITIAL
    reason = REASONS.get(how.lstrip("* "), "Target.FailedHealthChecks")
    description = {
        "Target.ResponseCodeMismatch": f"Health checks failed with these codes: [{code}]",
        "Target.Timeout": "Request timed out",
    }.get(reason, "Health checks failed")
    return {"state": "unhealthy", "reason": reason, "description": description}


def health(it: Balancer, statistics: str) -> dict[str, dict[str, dict[str, str]]]:
    """Target group (ARN) → target → health, from `/;csv` of HAProxy's statistics."""
    rows: Sequence[dict[str, str]] = list(csv.DictReader(io.StringIO(statistics.removeprefix("# "))))
    known = {(row["pxname"], row["svname"]): row for row in rows}
    found: dict[str, dict[str, dict[str, str]]] = {}
    for own in it.groups.values():
        for target in own.targets:
            if row := known.get((own.name, target.server)):
                found.setdefault(own.arn, {})[target.id] = seen(
                    row["status"], row.get("check_status", ""), row.get("check_code", "")
                )
    return found
