"""A fleet, ECS and Lambda with the real provider against the stand-in for AWS: applied, planned again, destroyed.

Run by make test-terraform-all: the provider waits a minute for a bucket's lifecycle alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from terraform.tools import plan as terraform_plan

from . import real
from .conftest import stand_in
from .real import REGION, Real

pytestmark = pytest.mark.nightly
ENVIRONMENT = "staging"

WISHES = [f'access={{public_keys=["{terraform_plan.ANY_KEY}"]}}', 'domain={zone="example.com"}']


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with stand_in() as address:
        yield real.make(tmp_path_factory.mktemp("apply") / "terraform", address, ENVIRONMENT)


@pytest.fixture
def account(copy: Real) -> Iterator[Real]:
    """Another account for the same copy, with a zone and nothing else."""
    with stand_in() as address:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        route53 = boto3.client("route53", region_name=REGION, endpoint_url=address, **keys)
        route53.create_hosted_zone(Name="example.com", CallerReference="1")
        yield dataclasses.replace(copy, address=address)
    (copy.path / "environments" / ENVIRONMENT / "terraform.tfstate").unlink(missing_ok=True)


def unknown(value: Any) -> bool:
    """Whether after_unknown says so of an attribute, or of a part of it."""
    if isinstance(value, dict):
        return any(unknown(v) for v in value.values())
    return any(unknown(v) for v in value) if isinstance(value, list) else value is True


def differing(change: dict[str, Any]) -> set[str]:
    before, after = change["before"] or {}, change["after"] or {}
    changed = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    return changed | {k for k, v in change["after_unknown"].items() if unknown(v)}


def surprises(plan: dict[str, Any]) -> list[str]:
    """What the plan changes although it was just applied."""
    return [
        f"{it['address']} {it['change']['actions']}: {sorted(differing(it['change']))}"
        for it in plan["resource_changes"]
        if it["mode"] == "managed" and it["change"]["actions"] != ["no-op"]
    ]


def lives(account: Real, topology: str) -> dict[str, Any]:
    """Applied, planned without a change, destroyed without a rest; its outputs."""
    wishes = [*WISHES, *terraform_plan.topology_variables(topology)]
    account.plan(ENVIRONMENT, wishes)
    account.apply(ENVIRONMENT)
    outputs: dict[str, Any] = json.loads(account.terraform(ENVIRONMENT, "output", "-json").stdout)
    assert surprises(account.plan(ENVIRONMENT, wishes)) == []
    done = account.terraform(
        ENVIRONMENT, "destroy", "-auto-approve", "-input=false", "-no-color", *(f"-var={w}" for w in wishes)
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert account.terraform(ENVIRONMENT, "state", "list").stdout == ""
    return {name: output["value"] for name, output in outputs.items()}


def test_serverless_lives_and_ends(account: Real) -> None:
    outputs = lives(account, "serverless")
    assert outputs["url"] == "https://api.example.com" and outputs["api"]["id"]
    assert "aws lambda update-alias" in outputs["deploy"]["command"]


def test_a_fleet_lives_and_ends(account: Real) -> None:
    outputs = lives(account, "fleet")
    assert outputs["ansible"]["topology"] == "fleet" and outputs["ansible"]["cidr"] == "10.30.0.0/16"
    assert outputs["load_balancer"]["dns_name"]


def test_ecs_lives_and_ends(account: Real) -> None:
    outputs = lives(account, "ecs")
    assert outputs["deploy"]["cluster_arn"].endswith(f"cluster/slipway-{ENVIRONMENT}")


def test_the_registry_can_be_built_for_before_the_rest_exists(account: Real) -> None:
    """What docs/runbooks/first-apply.md does for ECS and Lambda."""
    wishes = [*WISHES, "topology=ecs", f"image={terraform_plan.ANY_IMAGE}"]
    account.plan(ENVIRONMENT, wishes, "-target=module.registry")
    account.apply(ENVIRONMENT)
    outputs = json.loads(account.terraform(ENVIRONMENT, "output", "-json").stdout)
    registry = outputs["registry"]["value"]
    assert registry["registry"] == f"{registry['account']}.dkr.ecr.{REGION}.amazonaws.com"
    assert registry["architecture"] == "x86_64" and "ansible" not in outputs


def test_a_zone_is_delegated_before_its_certificate_waits(account: Real) -> None:
    wishes = [*WISHES, "topology=ecs", f"image={terraform_plan.ANY_IMAGE}", 'domain={zone="new.com",create_zone=true}']
    account.plan(ENVIRONMENT, wishes, "-target=module.dns[0].aws_route53_zone.this")
    account.apply(ENVIRONMENT)
    outputs = json.loads(account.terraform(ENVIRONMENT, "output", "-json").stdout)
    assert len(outputs["name_servers"]["value"]) == 4
