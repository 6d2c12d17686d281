"""The road of a first user, by the real provider: see real.py."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from terraform.tools import plan as terraform_plan

from . import real
from .conftest import ROOT, stand_in
from .inventories import answers, ask
from .real import REGION, Real

KEYS = f'access={{public_keys=["{terraform_plan.ANY_KEY}"]}}'


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """An account with nothing in it, and dev and prod ready to plan."""
    with stand_in() as address:
        yield real.make(tmp_path_factory.mktemp("real") / "terraform", address, "dev", "prod")


@pytest.fixture
def other_account(account: Real) -> Iterator[Real]:
    """Another one for the same copy."""
    with stand_in() as address:
        yield dataclasses.replace(account, address=address)


def client(account: Real, service: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, region_name=REGION, endpoint_url=account.address, **keys)


def changes(plan: dict[str, Any], *types: str) -> list[dict[str, Any]]:
    return [r for r in plan["resource_changes"] if r["mode"] == "managed" and (not types or r["type"] in types)]


def test_the_real_provider_accepts_every_module(account: Real) -> None:
    """The composition uses all of them, in one topology or another."""
    valid = account.terraform("dev", "validate", "-no-color")
    assert valid.returncode == 0, valid.stderr


def test_an_example_is_planned_before_its_zone_exists(other_account: Real) -> None:
    """`make cost` and `make quotas` come first in docs/runbooks/first-apply.md: there is no terraform.tfvars yet."""
    example = ROOT / "terraform/environments/prod/terraform.tfvars.example"
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    wishes = [*terraform_plan.example_variables("prod"), f"permissions_boundary={boundary}"]
    plan = other_account.plan("prod", wishes, f"-var-file={example}")
    assert len(changes(plan, "aws_instance")) == 1 and len(changes(plan, "aws_route53_zone")) == 1
    roles = {r["address"]: r["change"]["after"]["permissions_boundary"] for r in changes(plan, "aws_iam_role")}
    assert len(roles) > 5 and set(roles.values()) == {boundary}, roles


def test_what_is_adopted_is_neither_replaced_nor_deleted(other_account: Real) -> None:
    """A repository as `aws ecr create-repository` makes it, and a company's zone."""
    client(other_account, "ecr").create_repository(repositoryName="inference")
    zone = client(other_account, "route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"][
        "Id"
    ]
    plan = other_account.plan("dev", [
        KEYS,
        'domain={zone="example.com", create_zone=true}',
        f'adopt={{repositories=["inference"], zone_id="{zone.rpartition("/")[2]}"}}',
    ])  # fmt: skip
    adopted = [r for r in changes(plan) if r["change"].get("importing")]
    assert {r["type"] for r in adopted} == {"aws_ecr_repository", "aws_route53_zone"}
    assert [r["address"] for r in changes(plan) if "delete" in r["change"]["actions"]] == []
    for r in adopted:
        after = r["change"]["after"]
        assert not after.get("force_delete") and not after.get("force_destroy"), r["address"]
    assert changes(plan, "aws_ecr_lifecycle_policy") == [], "no image of an adopted repository expires"
    assert [r["change"]["after"]["type"] for r in changes(plan, "aws_route53_record")] == ["A"]


def test_a_host_that_was_applied_is_found_by_the_inventory(account: Real, tmp_path: Path) -> None:
    """dev, single, Debian by Session Manager, in a zone that others use: from the apply to what roles are given."""
    dns = client(account, "route53")
    zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    theirs = {
        "Name": "example.com.",
        "Type": "CAA",
        "TTL": 60,
        "ResourceRecords": [{"Value": '0 issue "digicert.com"'}],
    }
    dns.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": theirs}]}
    )
    account.plan("dev", [KEYS, 'domain={zone="example.com", name="dev"}', 'notify=["oncall@example.com"]'])
    account.apply("dev")

    records = {
        (r["Name"], r["Type"]): r for r in dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    }
    (address,) = records.pop(("dev.example.com.", "A"))["ResourceRecords"]
    assert records.pop(("example.com.", "CAA")) == theirs and set(records) == {
        ("example.com.", "NS"),
        ("example.com.", "SOA"),
    }, "the rest of the zone is others'"

    outputs = json.loads(account.terraform("dev", "output", "-json").stdout)
    ground = outputs["ansible"]["value"]
    (host,) = outputs["hosts"]["value"].values()
    assert host["address"] == address["Value"]
    alarms = client(account, "cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarms and {a["Namespace"] for a in alarms} == {"AWS/EC2"}, "alarms on what nobody publishes"

    found = answers(ask("dev", account.address, ground, tmp_path))
    assert list(found) == [host["id"]]
    facts = found[host["id"]]
    assert all(facts[k] for k in facts if k not in ("ca", "proxies", "secrets", "env")), facts
    assert facts["user"] == "admin" and facts["host"] == host["id"] and "tools/ssm_ssh" in facts["args"]
    assert facts["domains"] == facts["names"] == facts["service"]["domains"] == ["dev.example.com"]
    assert facts["image"] == f"{ground['registry']}/inference"
    assert facts["models"] == f"s3://{ground['buckets']['models']}/models"


def test_a_zone_without_the_instance_type_is_refused(account: Real) -> None:
    """us-east-1e, the zone that lacks most types."""
    wishes = [KEYS, "region=us-east-1", 'domain={zone="example.com", create_zone=true}']
    with pytest.raises(AssertionError) as refused:
        account.plan("dev", [*wishes, 'network={azs=["us-east-1f", "us-east-1e"]}'])
    words = " ".join(str(refused.value).replace("│", "").split())
    assert "(t3.micro) is available in us-east-1e. us-east-1 has them in us-east-1a, us-east-1b," in words, words
    assert "choose zones with network.azs, or other types." in words, words
    assert account.plan("dev", [*wishes, 'network={azs=["us-east-1f", "us-east-1d"]}'])


def test_an_instance_type_that_does_not_exist_is_refused(account: Real) -> None:
    with pytest.raises(AssertionError, match=r"InvalidInstanceType.*t3\.mirco"):
        account.plan(
            "dev", [KEYS, 'domain={zone="example.com", create_zone=true}', 'size={instance_types=["t3.mirco"]}']
        )


def test_a_zone_that_the_account_does_not_have_is_refused(account: Real) -> None:
    """Before anything is made, with the next step."""
    with pytest.raises(AssertionError, match="no matching Route 53 Hosted Zone found") as refused:
        account.plan("dev", [KEYS, 'domain={zone="nowhere.example"}'])
    assert "Correct domain.zone, or let it be made: domain.create_zone = true." in str(refused.value)
