"""The documentation names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md")]
)
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"(?:^|`| )make ([a-z][a-z0-9-]*)\b(?=[^`\n]*(?:`|$))", text, re.MULTILINE):
        if re.search(rf"(?:^    |`)make {target}", text, re.MULTILINE):
            assert target in TARGETS, f"make {target}"
    for playbook in re.findall(r"playbooks/[a-z_/]+\.yml", text):
        assert (ROOT / playbook).exists(), playbook


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_are_named_exist(page: Path) -> None:
    for path, name in re.findall(r"((?:\w+/)+test_\w+\.py)(?:::(\w+))?", page.read_text()):
        file = ROOT / path
        assert file.exists(), path
        assert not name or re.search(rf"(?:def|class) {name}\b", file.read_text()), f"{path}::{name}"


def test_every_runbook_has_its_sections() -> None:
    sections = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate"]
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        titles = re.findall(r"^## (\w+)", page.read_text(), re.MULTILINE)
        assert titles == sections, page.name
