"""The pages about Terraform match its code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    for env in ("dev", "staging", "prod"):
        folder = ROOT / "terraform/environments" / env
        for source in (ROOT / "terraform/composition").glob("*.tf"):
            link = folder / source.name
            assert link.is_symlink() and link.resolve() == source.resolve(), f"{env} lacks {source.name}"
        own = {p.name for p in folder.glob("*.tf") if not p.is_symlink()}
        assert own == {"environment.tf"}, f"{env} has code of its own: {own}"
        for example in ("terraform.tfvars.example", "backend.hcl.example"):
            assert (folder / example).is_file()
