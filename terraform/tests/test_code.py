"""Every module, the bootstrap and every environment: formatted, valid, and their own tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import FOLDERS, MODULES, ROOT, Ground, run

CODE = ROOT / "terraform"


def test_the_code_is_formatted(ground: Ground) -> None:
    done = run(CODE, "terraform", "fmt", "-check", "-recursive", "-no-color")
    assert done.code == 0, f"terraform fmt would change:\n{done.said}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_is_valid_and_its_own_tests_pass(ground: Ground, folder: str) -> None:
    done = ground.wait(f"test {folder}")
    assert done.code == 0, done.said
    counted = re.search(r"(\d+) passed, 0 failed", done.said)
    assert counted and int(counted[1]) > 0, f"no test ran:\n{done.said}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_parts(module: str) -> None:
    folder = CODE / "modules" / module
    for part in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (folder / part).is_file(), f"{module} has no {part}"
    tests = [p.read_text() for p in (folder / "tests").glob("*.tftest.hcl")]
    assert any("mock_provider" in t for t in tests) and any(
        'provider "aws"' in t.replace("mock_provider", "") for t in tests
    ), f"{module} needs mocked and un-mocked tests"


def test_every_provider_from_5_100_to_6_is_accepted() -> None:
    bounds = {
        str(p.relative_to(CODE)): re.findall(r'^ +version += "(.*)"$', p.read_text(), flags=re.MULTILINE)
        for p in CODE.rglob("versions.tf")
    }
    other = {f: b for f, b in bounds.items() if b != [">= 5.100, < 7.0"]}
    assert len(bounds) > len(MODULES) and not other, f"another range of provider versions: {other}"


def test_files_stay_short() -> None:
    long = {str(p.relative_to(CODE)): n for p in CODE.rglob("*.tf") if (n := len(p.read_text().splitlines())) > 220}
    assert not long, f"split these: {long}"


def blocks(text: str, kind: str) -> int:
    return len(re.findall(rf"^\s*{kind} {{", text, flags=re.MULTILINE))


@pytest.mark.parametrize("folder", [*(f"modules/{m}" for m in MODULES), "bootstrap", "composition"])
def test_every_refusal_is_tested(folder: str) -> None:
    """At least one expect_failures run for every validation and precondition (a run may refuse more than one)."""
    refusals = sum(
        blocks(p.read_text(), k) for p in (CODE / folder).glob("*.tf") for k in ("validation", "precondition")
    )
    files: list[Path] = list((CODE / folder / "tests").glob("*.tftest.hcl"))
    if folder == "composition":
        files += (CODE / "environments" / "prod" / "tests").glob("prod.tftest.hcl")
    tested = sum(p.read_text().count("expect_failures") for p in files)
    assert tested >= refusals, f"{folder} refuses {refusals} things but tests only {tested}"


def test_metric_filters_read_fields_that_hosts_log() -> None:
    """The edge's access log and the engine's event log: what a filter asks for must be in their lines."""
    text = (ROOT / "terraform/modules/observability/main.tf").read_text()
    rows = re.findall(r'group = "(\w+)", pattern = (".*?[^\\]"), value = "(.*?)"', text)
    asked: dict[str, set[str]] = {}
    for group, *where in rows:
        asked.setdefault(group, set()).update(re.findall(r"\$\.(\w+)", " ".join(where)))
    logged = {
        "access": (ROOT / "roles/edge/vars/main.yml", r'"(\w+)":'),
        "events": (ROOT / "releasectl/src/releasectl/rollout/transaction.py", r'"(\w+)":'),
    }
    assert {"access", "events"} == set(asked)
    for group, fields in asked.items():
        file, field = logged[group]
        assert fields <= set(re.findall(field, file.read_text())), group


def test_the_image_of_lambda_has_the_adapter_where_lambda_looks_for_extensions() -> None:
    """Its documented build makes one manifest: Lambda takes no index, as BuildKit makes one for the provenance."""
    lines = (ROOT / "app/Dockerfile.lambda").read_text().splitlines()
    assert "COPY --from=adapter /lambda-adapter /opt/extensions/lambda-adapter" in lines
    assert any(
        re.fullmatch(r"ARG ADAPTER_IMAGE=public\.ecr\.aws/awsguru/aws-lambda-adapter:\d+\.\d+\.\d+", it) for it in lines
    )
    builds = [it for it in (ROOT / "docs/terraform.md").read_text().splitlines() if "Dockerfile.lambda" in it]
    assert builds and all("docker build --provenance=false " in it for it in [*builds, *lines[1:2]])
