"""What Terraform refuses, in its own words, when a person asks for it on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from terraform.tools import plan as terraform_plan

from .conftest import KEYS, Ground, run

ENVIRONMENT = "environments/dev"


def refusal(ground: Ground, env: str, *variables: str) -> str:
    """The words of a plan that was refused; fails when it was not."""
    folder = f"environments/{env}"
    ground.init(folder)
    file = terraform_plan.variables_file(env)
    arguments = [f"-var={v}" for v in (*KEYS, *variables)]
    done = run(
        ground.path / folder,
        "terraform",
        "plan",
        "-input=false",
        "-lock=false",
        f"-var-file={file}",
        "-no-color",
        *arguments,
    )
    assert done.code != 0, f"Terraform should have refused {variables}:\n{done.said[-2000:]}"
    return " ".join(done.said.split())


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            ['network={cidr="10.40.0.0/16"}'],
            "The network 10.40.0.0/16 overlaps prod (10.40.0.0/16). Peering and failover require non-overlapping",
        ),
        (["notify=[]"], "A budget of 20 $ needs a recipient: set notify"),
        (
            ['size={instance_types=["t4g.micro"]}'],
            'size.instance_types has t4g.micro, which cannot run size.architecture = "x86_64": change one of them',
        ),
        (['network={azs=["eu-central-1x","eu-central-1a"]}'], "are not available: this region has"),
        (['domain={name="api"}'], 'attribute "zone" is required'),
        (["topology=fleet", "domain=null"], 'topology "fleet" has a load balancer, which needs a certificate'),
        (["topology=fleet"], "A fleet of size.min = 1 needs bundle, the playbooks by which a new host converges"),
        (
            ["topology=fleet", "bundle=bundles/v1.4.2.tar.gz", 'network={egress="endpoints"}'],
            'The hosts of topology "fleet" install packages at their first boot',
        ),
        (["access={}"], "No SSH key could log in: debian-13 has no EC2 Instance Connect. Set access.public_keys"),
        (
            ['access={public_keys=["ssh-ed25519 AAAA… you@laptop"]}'],
            "access.public_keys must be public keys as ssh-keygen writes them",
        ),
    ],
    ids=[
        "overlapping-networks",
        "budget-without-address",
        "arm-type-on-x86",
        "unknown-zone",
        "name-without-zone",
        "fleet-without-certificate",
        "fleet-without-a-bundle",
        "fleet-without-a-way-to-packages",
        "hosts-without-a-key",
        "the-examples-key",
    ],
)
def test_a_wrong_wish_is_answered_with_a_sentence(ground: Ground, variables: list[str], sentence: str) -> None:
    assert sentence in refusal(ground, "dev", *variables)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (["notify=[]", "budget=null"], "The alarms of prod would reach no one: give notify"),
        (
            ["features={protected=false}"],
            "prod without deletion protection (features.protected = false) could be destroyed",
        ),
        (
            ["features={off_hours=true}"],
            "features.off_hours is not allowed in prod: may_sleep is false in its environment.tf",
        ),
    ],
    ids=["alarms-without-an-address", "unprotected", "asleep-at-night"],
)
def test_what_only_prod_refuses_is_answered_with_a_sentence(
    ground: Ground, variables: list[str], sentence: str
) -> None:
    assert sentence in refusal(ground, "prod", *variables)


def destroy(ground: Ground, tmp_path: Path, env: str) -> tuple[int, str]:
    """Plan the destruction of an environment whose state holds the guard and the checks (they need no AWS)."""
    folder = f"environments/{env}"
    ground.init(folder)
    state = tmp_path / "terraform.tfstate"
    resource = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "guard",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [
            {
                "index_key": 0,
                "schema_version": 0,
                "attributes": {
                    "id": "00000000-0000-0000-0000-000000000000",
                    "input": None,
                    "output": None,
                    "triggers_replace": None,
                },
            }
        ],
    }
    state.write_text(
        json.dumps(
            {
                "version": 4,
                "terraform_version": "1.11.0",
                "serial": 1,
                "lineage": "slipway",
                "outputs": {},
                "resources": [resource],
            }
        )
    )
    done = run(
        ground.path / folder,
        "terraform",
        "plan",
        "-destroy",
        "-input=false",
        "-lock=false",
        "-refresh=false",
        "-no-color",
        f"-state={state}",
        f"-var-file={terraform_plan.variables_file(env)}",
        *(f"-var={k}" for k in KEYS),
    )
    return done.code, " ".join(done.said.split())


def test_prod_refuses_to_be_destroyed(ground: Ground, tmp_path: Path) -> None:
    code, said = destroy(ground, tmp_path, "prod")
    assert code != 0 and "Instance cannot be destroyed" in said and "terraform_data.guard" in said, said


def test_adopting_what_exists_imports_it(ground: Ground) -> None:
    ground.init(ENVIRONMENT)
    file = terraform_plan.variables_file("dev")
    done = run(
        ground.path / ENVIRONMENT,
        "terraform",
        "plan",
        "-input=false",
        "-lock=false",
        f"-var-file={file}",
        "-no-color",
        '-var=adopt={repositories=["inference"]}',
        *(f"-var={k}" for k in KEYS),
    )
    # A provider that knows only schemas cannot read what is imported; it is asked to, which is what counts here.
    assert "1 to import" in done.said or "Import needs the real provider" in done.said, done.said[-800:]


def test_a_second_ground_of_prod_can_be_planned_in_another_region(ground: Ground) -> None:
    """What docs/runbooks/fail-over-a-region.md says: no name of the first ground is taken again."""
    ground.init("environments/prod")
    wishes = [
        *KEYS,
        "region=eu-west-1",
        "suffix=-west",
        "replica_region=",
        "ci=null",
        'network={cidr="10.50.0.0/16"}',
        "features={registry=false, replicate=false, trail=false}",
    ]
    plan = terraform_plan.plan(ground.path / "environments/prod", "prod", wishes)
    made = [r for r in plan["resource_changes"] if r["mode"] == "managed"]
    for r in made:
        name = str((r["change"]["after"] or {}).get("bucket" if r["type"] == "aws_s3_bucket" else "name"))
        if r["type"] in ("aws_s3_bucket", "aws_iam_role", "aws_lb", "aws_kms_alias"):
            assert "slipway-prod-west" in name, f"{r['address']} is named {name}"
    assert not [r for r in made if r["type"] == "aws_ecr_repository"]
