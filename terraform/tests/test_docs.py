"""The pages about Terraform match its code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from terraform.tools import plan as terraform_plan

from .conftest import ROOT

RUNBOOKS = [
    "first-apply",
    "migrate-state",
    "rotate-a-secret",
    "restore-a-backup",
    "fail-over-a-region",
    "destroy-an-environment",
]


@pytest.mark.parametrize("script", ["readme", "skips", "diagram"])
def test_a_page_made_from_the_code_is_up_to_date(script: str) -> None:
    command = [sys.executable, str(ROOT / "terraform" / "tools" / f"{script}.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("env", terraform_plan.ENVIRONMENTS)
def test_an_example_has_a_line_for_every_input(env: str, tmp_path: Path) -> None:
    """secret_values is ephemeral: it is never in a file."""
    text = (ROOT / "terraform/environments" / env / "terraform.tfvars.example").read_text()
    code = "".join(p.read_text() for p in (ROOT / "terraform/composition").glob("*.tf"))
    inputs = set(re.findall(r'^variable "(\w+)"', code, flags=re.MULTILINE)) - {"secret_values"}
    assert set(re.findall(r"^(?:# )?(\w+) += ", text, flags=re.MULTILINE)) == inputs
    # With every comment that has a value uncommented, it is still a file that Terraform can read.
    settings = tmp_path / "all.tfvars"
    settings.write_text(re.sub(r"^# (?=\w+ += |  \w+ += |\}$)", "", text, flags=re.MULTILINE))
    done = subprocess.run(["terraform", "fmt", "-"], input=settings.read_text(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# The service in whose name a resource type is made, where its own name does not say so.
EC2 = (
    "default_security_group eip flow_log instance internet_gateway launch_template nat_gateway route route_table "
    "security_group subnet vpc"
)
SERVICES = dict.fromkeys(EC2.split(), "ec2") | {
    "api_gateway": "apigateway",
    "apigatewayv2": "apigateway",
    "appautoscaling": "application-autoscaling",
    "cloudwatch_log": "logs",
    "db": "rds",
    "lb": "elasticloadbalancing",
    "service_discovery": "servicediscovery",
}


def service(kind: str) -> str:
    """Whose actions make a resource of this type: by the longest name in SERVICES, else by its first word."""
    words = kind.removeprefix("aws_").split("_")
    names = ["_".join(words[:n]) for n in range(len(words), 0, -1)]
    return next((SERVICES[n] for n in names if n in SERVICES), words[0])


def test_the_policy_of_the_first_apply_has_the_services_of_every_resource() -> None:
    policy = json.loads((ROOT / "terraform/bootstrap/apply-policy.json").read_text())
    allowed = {a.partition(":")[0] for s in policy["Statement"] for a in s["Action"]}
    code = "".join(p.read_text() for p in (ROOT / "terraform").rglob("*.tf"))
    needed = {service(kind) for kind in re.findall(r'^resource "(aws_\w+)"', code, flags=re.MULTILINE)}
    assert needed - allowed == set() and allowed - needed <= {"backup-storage", "servicequotas", "sts"}
    roles = next(s for s in policy["Statement"] if "iam:PassRole" in s["Action"])
    assert all(":role/slipway-" in r or ":instance-profile/slipway-" in r for r in roles["Resource"]), "any role"


def pages() -> list[Path]:
    return [ROOT / "docs/terraform.md", *(ROOT / "docs/runbooks" / f"{r}.md" for r in RUNBOOKS)]


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_has_its_parts(name: str) -> None:
    text = (ROOT / "docs/runbooks" / f"{name}.md").read_text()
    for part in ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate"):
        assert f"\n## {part}\n" in text, f"{name} has no part {part}"


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.stem)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(
        r"(?<![/\w])(?:docs|tools|terraform|inventory|playbooks)/[\w./-]+\.(?:md|py|tf|yml|json|example)\b", text
    ):
        assert (ROOT / path).exists(), f"{page.name} names {path}, which is not there"
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
    named = {m for m in re.findall(r"\b(?:features|size)\.(\w+)\b", text) if m not in ("md",)}
    settings = (ROOT / "terraform/composition/settings.tf").read_text()
    for setting in named:
        assert re.search(rf"^\s+{setting} ", settings, flags=re.MULTILINE), (
            f"{page.name} names an unknown setting {setting}"
        )
    for address in re.findall(r"\b(module\.\w+(?:\[[^\]]+\])?\.\w+\.\w+)", text):
        module, kind, name = re.sub(r"\[[^\]]+\]", "", address).split(".")[1:4]
        code = "\n".join(p.read_text() for p in (ROOT / "terraform/modules" / module).glob("*.tf"))
        assert f'resource "{kind}" "{name}"' in code, f"{page.name} names {address}, which no module makes"


def test_environments_are_links_to_one_composition() -> None:
    for env in terraform_plan.ENVIRONMENTS:
        folder = ROOT / "terraform/environments" / env
        for source in (ROOT / "terraform/composition").glob("*.tf"):
            link = folder / source.name
            assert link.is_symlink() and link.resolve() == source.resolve(), f"{env} lacks {source.name}"
        own = {p.name for p in folder.glob("*.tf") if not p.is_symlink()}
        assert own == {"environment.tf"}, f"{env} has code of its own: {own}"
        for example in ("terraform.tfvars.example", "backend.hcl.example"):
            assert (folder / example).is_file()
