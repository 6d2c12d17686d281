#!/usr/bin/env python3
"""What an environment costs a month, from its plan and the committed price list (prices.json beside it, no network).

    cost.py ENV                 the topology of the environment's terraform.tfvars, each resource, and the other
                                topologies' sums beside it
    cost.py ENV --topology T    one topology only
    cost.py --plan FILE         of a plan's JSON (terraform show -json)

Only what runs by the hour or is kept by the month is counted. Requests, data transfer, log and image volume depend on
traffic and are named, not counted; a type that the list does not know is named too, never taken for nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from terraform.tools import plan as terraform_plan

PRICES = Path(__file__).with_name("prices.json")

# Cost nothing by themselves: rules, links, policies, names. A name that ends in _ is a family.
FREE = (
    "aws_iam_",
    "aws_vpc",
    "aws_vpc_security_group_",
    "aws_security_group",
    "aws_default_security_group",
    "aws_route_table",
    "aws_route_table_association",
    "aws_route",
    "aws_route53_record",
    "aws_subnet",
    "aws_internet_gateway",
    "aws_eip_association",
    "aws_autoscaling_lifecycle_hook",
    "aws_autoscaling_policy",
    "aws_autoscaling_schedule",
    "aws_launch_template",
    "aws_lb_listener",
    "aws_lb_target_group",
    "aws_acm_",
    "aws_kms_alias",
    "aws_sns_",
    "aws_s3_bucket_",
    "aws_ecr_lifecycle_policy",
    "aws_ecr_replication_configuration",
    "aws_ecr_repository_creation_template",
    "aws_appautoscaling_",
    "aws_flow_log",
    "aws_db_subnet_group",
    "aws_db_parameter_group",
    "aws_elasticache_subnet_group",
    "aws_elasticache_user",
    "aws_elasticache_user_group",
    "aws_backup_",
    "aws_budgets_budget",
    "aws_ce_",
    "aws_scheduler_schedule",
    "aws_ssm_document",
    "aws_ssm_parameter",
    "aws_ecs_cluster_capacity_providers",
    "aws_ecs_task_definition",
    "aws_lambda_alias",
    "aws_lambda_permission",
    "aws_service_discovery_",
    "aws_api_gateway_",
    "aws_apigatewayv2_",
    "aws_wafv2_ip_set",
    "aws_wafv2_web_acl_association",
    "aws_wafv2_web_acl_logging_configuration",
    "aws_secretsmanager_secret_version",
    "aws_secretsmanager_secret_rotation",
    "terraform_data",
)
# Cost what they are used: named under the table.
BY_USE = {
    "aws_s3_bucket": "storage and requests",
    "aws_ecr_repository": "image storage",
    "aws_cloudwatch_log_group": "log volume",
    "aws_cloudtrail": "the first trail of management events is free",
    "aws_lambda_function": "requests and their duration",
    "aws_apigatewayv2_api": "requests",
    "aws_api_gateway_rest_api": "requests",
    "aws_backup_vault": "backup storage",
    "aws_dlm_lifecycle_policy": "snapshot storage",
    "aws_ecs_cluster": "Container Insights, per metric of each task",
    "aws_cloudwatch_log_metric_filter": "a custom metric, as soon as its logs arrive",
}


@dataclass(frozen=True)
class Line:
    """One resource's share of a month, in dollars."""

    address: str
    what: str
    monthly: float


@dataclass(frozen=True)
class Bill:
    """Lines counted, what depends on use, and what nobody could price."""

    lines: tuple[Line, ...]
    by_use: tuple[tuple[str, str], ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def total(self) -> float:
        return sum(line.monthly for line in self.lines)


class Unpriced(Exception):
    """The list lacks a price that this resource needs."""


def listed(prices: dict[str, Any], table: str, key: str) -> float:
    try:
        return float(prices[table][key])
    except KeyError:
        raise Unpriced(f"no price for {key} in {table}") from None


Pricer = Callable[[dict[str, Any], dict[str, Any]], tuple[str, float]]


def instance(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    disk = r["root_block_device"][0]["volume_size"]
    watched = listed(p, "per_month", "detailed_monitoring") if r.get("monitoring") else 0.0
    running = listed(p, "instances_per_hour", r["instance_type"]) * p["hours_per_month"]
    return f"{r['instance_type']}, {disk} GB", running + disk * listed(p, "per_month", "gp3_gb") + watched


def group(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    """An Auto Scaling group at its smallest: the base on demand, of the rest its Spot share."""
    policy = r["mixed_instances_policy"][0]
    kind = policy["launch_template"][0]["override"][0]["instance_type"]
    shares = policy["instances_distribution"][0]
    base = min(r["min_size"], shares["on_demand_base_capacity"])
    rest = r["min_size"] - base
    on_demand = base + rest * shares["on_demand_percentage_above_base_capacity"] / 100
    hours = on_demand + (r["min_size"] - on_demand) * p["spot_share_of_price"]
    running = hours * listed(p, "instances_per_hour", kind) * p["hours_per_month"]
    template = p["launch_templates"][0]
    disk = template["block_device_mappings"][0]["ebs"][0]["volume_size"]
    each = disk * listed(p, "per_month", "gp3_gb")
    if template["monitoring"] and template["monitoring"][0]["enabled"]:
        each += listed(p, "per_month", "detailed_monitoring")
    return f"{r['min_size']} × {kind}, {disk} GB (its smallest)", running + r["min_size"] * each


def fargate(service: dict[str, Any], task: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    arm = task["runtime_platform"][0]["cpu_architecture"] == "ARM64"
    kind = "arm" if arm else "x86"
    vcpu, gb = int(task["cpu"]) / 1024, int(task["memory"]) / 1024
    hour = vcpu * listed(p, "per_hour", f"fargate_vcpu_{kind}") + gb * listed(p, "per_hour", f"fargate_gb_{kind}")
    count = service["desired_count"]
    return f"{count} × {vcpu:g} vCPU, {gb:g} GB (its smallest)", count * hour * p["hours_per_month"]


def hourly(name: str, what: str) -> Pricer:
    return lambda r, p: (what, listed(p, "per_hour", name) * p["hours_per_month"])


def monthly(name: str, what: str) -> Pricer:
    return lambda r, p: (what, listed(p, "per_month", name))


def database(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    copies = 2 if r["multi_az"] else 1
    disk = r["allocated_storage"] * listed(p, "per_month", "rds_gp3_gb")
    running = listed(p, "databases_per_hour", r["instance_class"]) * p["hours_per_month"]
    return f"{r['instance_class']}, {r['allocated_storage']} GB{', two zones' if copies == 2 else ''}", copies * (
        running + disk
    )


def cache(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    count = r["num_cache_clusters"]
    return f"{count} × {r['node_type']}", count * listed(p, "caches_per_hour", r["node_type"]) * p["hours_per_month"]


def endpoint(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    if r["vpc_endpoint_type"] == "Gateway":
        return "gateway", 0.0
    hour = p["zones"] * listed(p, "per_hour", "interface_endpoint_per_zone")
    return f"interface in {p['zones']} zones", hour * p["hours_per_month"]


def balancer(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    addresses = 0 if r["internal"] else p["zones"]
    hour = listed(p, "per_hour", "load_balancer") + addresses * listed(p, "per_hour", "public_ipv4")
    return f"load balancer, {addresses} public addresses (capacity units by use)", hour * p["hours_per_month"]


def firewall(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    rules = len(r["rule"])
    return f"{rules} rules", listed(p, "per_month", "waf_acl") + rules * listed(p, "per_month", "waf_rule")


def alarm(r: dict[str, Any], p: dict[str, Any]) -> tuple[str, float]:
    unusual = bool(r.get("threshold_metric_id"))
    return "anomaly" if unusual else "alarm", listed(p, "per_month", "alarm_anomaly" if unusual else "alarm")


PRICERS: dict[str, Pricer] = {
    "aws_instance": instance,
    "aws_autoscaling_group": group,
    "aws_eip": hourly("public_ipv4", "public IPv4 address"),
    "aws_nat_gateway": hourly("nat_gateway", "NAT gateway"),
    "aws_lb": balancer,
    "aws_vpc_endpoint": endpoint,
    "aws_kms_key": monthly("kms_key", "key"),
    "aws_secretsmanager_secret": monthly("secret", "secret"),
    "aws_cloudwatch_metric_alarm": alarm,
    # The first three of an account are free.
    "aws_cloudwatch_dashboard": lambda r, p: ("dashboard (one of the free three)", 0.0),
    "aws_wafv2_web_acl": firewall,
    "aws_route53_zone": monthly("route53_zone", "zone"),
    "aws_route53_health_check": monthly("route53_health_check_https", "health check"),
    "aws_db_instance": database,
    "aws_elasticache_replication_group": cache,
}


def free(kind: str) -> bool:
    return any(kind.startswith(f) if f.endswith("_") else kind == f for f in FREE)


def bill(plan: dict[str, Any], prices: dict[str, Any]) -> Bill:
    """Every resource of the plan is in exactly one place: counted, by use, free, or unknown."""
    lines: list[Line] = []
    by_use: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    made = [r for r in plan["resource_changes"] if r["mode"] == "managed" and r["change"]["after"] is not None]
    prices = {**prices, "zones": sum(r["type"] == "aws_subnet" and ".public[" in r["address"] for r in made)}
    # A plan of ours has at most one of either.
    tasks = [r["change"]["after"] for r in made if r["type"] == "aws_ecs_task_definition"]
    prices["launch_templates"] = [r["change"]["after"] for r in made if r["type"] == "aws_launch_template"]
    for resource in made:
        address, kind, after = resource["address"], resource["type"], resource["change"]["after"]
        try:
            if kind in PRICERS:
                what, price = PRICERS[kind](after, prices)
                lines.append(Line(address, what, price))
            elif kind == "aws_ecs_service":
                what, price = fargate(after, tasks[0], prices)
                lines.append(Line(address, what, price))
            elif kind in BY_USE:
                by_use.append((address, BY_USE[kind]))
            elif not free(kind):
                unknown.append((address, "the price list does not know this type"))
        except (Unpriced, KeyError, IndexError, TypeError) as error:
            unknown.append((address, str(error)))
    return Bill(tuple(lines), tuple(by_use), tuple(unknown))


def report(env: str, topology: str, made: Bill, prices: dict[str, Any]) -> str:
    width = max([len(line.address) for line in made.lines] + [20])
    rows = [f"{env}, {topology}: prices of {prices['region']}, {prices['date']}, {prices['currency']} a month", ""]
    for line in sorted(made.lines, key=lambda x: -x.monthly):
        rows.append(f"{line.monthly:9.2f}  {line.address:<{width}}  {line.what}")
    rows.append(f"{made.total:9.2f}  total, with nothing of the following")
    rows += ["", "By use, not counted:", *(f"           {a:<{width}}  {why}" for a, why in made.by_use)]
    if made.unknown:
        rows += ["", "Unknown, not counted:", *(f"           {a:<{width}}  {why}" for a, why in made.unknown)]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("env", nargs="?", choices=terraform_plan.ENVIRONMENTS)
    parser.add_argument("--topology", choices=terraform_plan.TOPOLOGIES)
    parser.add_argument("--plan", type=Path)
    asked = parser.parse_args()
    prices = json.loads(PRICES.read_text())
    if asked.plan:
        plan = json.loads(asked.plan.read_text())
        print(report("plan", plan["variables"]["topology"]["value"], bill(plan, prices), prices))
        return 0
    if not asked.env:
        parser.error("specify an environment or --plan FILE")
    try:
        with terraform_plan.workspace(asked.env) as folder:
            given = terraform_plan.example_variables(asked.env)
            own = terraform_plan.plan(folder, asked.env, [*given, *terraform_plan.topology_variables(asked.topology)])
            if hint := terraform_plan.of_the_example(asked.env):
                print(hint, file=sys.stderr)
            topology = own["variables"]["topology"]["value"]
            if own["variables"]["region"]["value"] != prices["region"]:
                print(
                    f"The prices are of {prices['region']}, the environment is elsewhere: expect another sum.",
                    file=sys.stderr,
                )
            print(report(asked.env, topology, bill(own, prices), prices))
            if not asked.topology:
                print("\nThe other topologies, with the same settings:")
                for other in terraform_plan.TOPOLOGIES:
                    if other != topology:
                        wishes = [*given, *terraform_plan.topology_variables(other)]
                        made = bill(terraform_plan.plan(folder, asked.env, wishes), prices)
                        print(
                            f"{made.total:9.2f}  {other}" + (f" ({len(made.unknown)} unknown)" if made.unknown else "")
                        )
    except terraform_plan.PlanError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
