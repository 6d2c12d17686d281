"""The price of an environment, and whether the account has room for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terraform.tools import cost, quotas
from terraform.tools import plan as terraform_plan

from .conftest import ROOT, Ground, Planned, stand_in

PRICES: dict[str, Any] = json.loads(cost.PRICES.read_text())


def change(kind: str, address: str = "x", **after: Any) -> dict[str, Any]:
    return {"address": address, "type": kind, "mode": "managed", "change": {"after": after}}


def test_every_resource_is_counted_by_use_free_or_named(planned: Planned) -> None:
    made = cost.bill(planned.plan, PRICES)
    assert made.unknown == (), "the price list must know what we ship"
    assert made.total > 0


def test_dev_costs_what_a_person_would_pay_for_fun(ground: Ground) -> None:
    assert 10 <= cost.bill(ground.wait("plan dev single"), PRICES).total <= 15


def test_topologies_cost_in_their_order(ground: Ground) -> None:
    sums = [cost.bill(ground.wait(f"plan prod {t}"), PRICES).total for t in ("serverless", "single", "fleet")]
    assert sums == sorted(sums)


def test_a_bill_adds_up_to_the_cent() -> None:
    disk: dict[str, Any] = {
        "root_block_device": [{"volume_size": 10}],
        "instance_type": "t4g.micro",
        "monitoring": False,
    }
    made = cost.bill(
        {"resource_changes": [change("aws_instance", **disk), change("aws_eip"), change("aws_kms_key")]}, PRICES
    )
    assert made.total == pytest.approx(730 * 0.0096 + 10 * 0.0952 + 730 * 0.005 + 1.0)


def test_the_disks_and_the_monitoring_of_a_fleet_cost_money() -> None:
    shares = {"on_demand_base_capacity": 0, "on_demand_percentage_above_base_capacity": 100}
    policy = {
        "launch_template": [{"override": [{"instance_type": "t3.small"}]}],
        "instances_distribution": [shares],
    }
    disks = [{"ebs": [{"volume_size": 20}]}]
    made = cost.bill(
        {
            "resource_changes": [
                change("aws_autoscaling_group", min_size=2, mixed_instances_policy=[policy]),
                change("aws_launch_template", block_device_mappings=disks, monitoring=[{"enabled": True}]),
            ]
        },
        PRICES,
    )
    assert made.unknown == () and made.total == pytest.approx(2 * (730 * 0.024 + 20 * 0.0952 + 2.1))


def test_what_is_used_without_a_price_is_named() -> None:
    plan = {"resource_changes": [change("aws_ecs_cluster", "cluster"), change("aws_cloudwatch_log_metric_filter", "f")]}
    assert [address for address, _ in cost.bill(plan, PRICES).by_use] == ["cluster", "f"]


def test_unknown_is_listed_and_not_taken_for_nothing() -> None:
    huge: dict[str, Any] = {
        "root_block_device": [{"volume_size": 10}],
        "instance_type": "u-24tb1.metal",
        "monitoring": False,
    }
    plan = {"resource_changes": [change("aws_instance", "host", **huge), change("aws_redshift_cluster", "warehouse")]}
    made = cost.bill(plan, PRICES)
    assert [a for a, _ in made.unknown] == ["host", "warehouse"] and made.total == 0
    said = cost.report("dev", "single", made, PRICES)
    assert (
        "Unknown, not counted" in said
        and "u-24tb1.metal" in said
        and PRICES["date"] in said
        and PRICES["region"] in said
    )


def test_needs_count_a_fleet_at_its_largest(ground: Ground) -> None:
    needs = quotas.needs(ground.wait("plan prod fleet"))
    assert needs["vCPUs (standard)"] == 12 and needs["elastic IP addresses"] == 3 and needs["VPCs"] == 1


def test_each_kind_of_capacity_counts_in_its_own_quota() -> None:
    """A fleet on Spot, a host with a GPU, Fargate at its largest, a function with its own share, NAT in two zones."""
    shares = {"on_demand_base_capacity": 1, "on_demand_percentage_above_base_capacity": 50}
    policy = {
        "launch_template": [{"override": [{"instance_type": "t3.small"}, {"instance_type": "m7i.xlarge"}]}],
        "instances_distribution": [shares],
    }
    made = [
        change("aws_autoscaling_group", max_size=4, mixed_instances_policy=[policy]),
        change("aws_instance", instance_type="g5.xlarge"),
        change("aws_appautoscaling_target", max_capacity=6),
        change("aws_ecs_task_definition", cpu="512"),
        change("aws_lambda_function", reserved_concurrent_executions=20),
        change("aws_nat_gateway", "a"),
        change("aws_nat_gateway", "b"),
    ]
    needs = quotas.needs({"resource_changes": made})
    assert {k: v for k, v in needs.items() if v} == {
        "vCPUs (standard)": 12,
        "vCPUs (standard, Spot)": 4,
        "vCPUs (G)": 4,
        "Fargate vCPUs": 3,
        "Lambda concurrency": 120,
        "NAT gateways in a zone": 1,
    }


def test_what_is_used_is_counted_by_kind(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": aws, "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    names = ("NAT gateways in a zone", "Fargate vCPUs", "vCPUs (standard)", "vCPUs (standard, Spot)")
    session = quotas.Session("eu-central-1")
    assert {q.name: q.used(session) for q in quotas.QUOTAS if q.name in names} == dict.fromkeys(names, 0)


def test_what_does_not_fit_and_what_is_unknown_are_both_said() -> None:
    full = quotas.Verdict("VPCs", 1, 5, 5)
    dark = quotas.Verdict("buckets", 1, None, None, "AccessDenied")
    said = quotas.report([full, dark, quotas.Verdict("certificates", 1, 0, 1)])
    assert not full.fits and not dark.fits
    assert "does not fit" in said and "unknown: AccessDenied" in said and said.count("<-") == 2


def test_the_quota_of_buckets_is_asked_where_it_is_known() -> None:
    (buckets,) = [q for q in quotas.QUOTAS if q.name == "buckets"]
    session = quotas.Session("eu-central-1")
    assert session.client("service-quotas", buckets.region).meta.region_name == "us-east-1"
    assert session.client("service-quotas").meta.region_name == "eu-central-1"


@pytest.mark.parametrize("own", [True, False], ids=["own-file", "example"])
def test_only_an_example_gets_a_zone_and_a_key(own: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "terraform/environments/dev"
    folder.mkdir(parents=True)
    if own:
        (folder / "terraform.tfvars").touch()
    monkeypatch.setattr(terraform_plan, "ROOT", tmp_path)
    given, hint = terraform_plan.example_variables("dev"), terraform_plan.of_the_example("dev")
    assert bool(given) is bool(hint) is not own
    if not own:
        assert (
            "create_zone=true" in " ".join(given) and "cp terraform/environments/dev/terraform.tfvars.example" in hint
        )


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    with stand_in() as address:
        yield address


def ask(aws: str, plan: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {
        **os.environ,
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, str(ROOT / "terraform" / "tools" / "quotas.py"), "prod", "--plan", str(plan)]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120)


def test_the_account_is_asked(aws: str, tmp_path: Path) -> None:
    """The stand-in knows the quotas of VPCs and counts everything; what it does not know must be said to be unknown."""
    plan = tmp_path / "plan.json"
    shape: dict[str, Any] = {"variables": {"region": {"value": "eu-central-1"}}}
    plan.write_text(json.dumps({**shape, "resource_changes": [change("aws_vpc"), change("aws_internet_gateway")]}))
    done = ask(aws, plan)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line[:28].strip(): line[28:].split() for line in done.stdout.splitlines()}
    assert rows["VPCs"] == ["1", "1", "5", "3"] and rows["internet gateways"] == ["1", "0", "5", "4"]

    plan.write_text(json.dumps({**shape, "resource_changes": [change("aws_vpc")] * 5}))
    done = ask(aws, plan)
    assert done.returncode == 1 and "does not fit" in done.stdout, done.stdout + done.stderr

    plan.write_text(json.dumps({**shape, "resource_changes": [change("aws_eip")]}))
    done = ask(aws, plan)
    assert done.returncode == 1 and "unknown" in done.stdout, done.stdout + done.stderr


def test_an_account_out_of_reach_is_a_failure_of_its_own(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps({"variables": {"region": {"value": "eu-central-1"}}, "resource_changes": [change("aws_vpc")]})
    )
    done = ask("http://127.0.0.1:9", plan)
    assert done.returncode == 2 and "Failed to check the quotas of prod" in done.stderr
