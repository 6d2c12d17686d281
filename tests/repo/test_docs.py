"""The documentation names only what exists, and its generated blocks match the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import generate_docs
from tools.doc_blocks import replace_block

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
    pages = set((ROOT / "docs" / "runbooks").glob("*.md")) - {ROOT / "docs" / "runbooks" / "README.md"}
    for page in pages:
        titles = re.findall(r"^## (\w+)", page.read_text(), re.MULTILINE)
        assert titles == sections, page.name


def test_generated_blocks_are_up_to_date() -> None:
    command = [sys.executable, "tools/generate_docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_block_is_used() -> None:
    text = "".join(page.read_text() for page in generate_docs.PAGES)
    assert sorted(set(re.findall(r"<!-- generated: (.+) -->", text))) == sorted(generate_docs.BLOCKS)


def test_a_block_that_does_not_match_the_code_is_stale() -> None:
    page = "before\n<!-- generated: fab tasks -->\n| old |\n<!-- /generated -->\nafter\n"
    filled = generate_docs.filled(page)
    assert filled.startswith("before\n") and filled.endswith("after\n") and "| old |" not in filled
    assert "`fab rollback [--version VERSION] [--reason REASON]`" in filled


@pytest.mark.parametrize("page", ["<!-- generated: nothing -->\n<!-- /generated -->", "<!-- generated: playbooks -->"])
def test_a_block_that_cannot_be_filled_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="block"):
        generate_docs.filled(page)


def test_all_markers_are_kept() -> None:
    assert replace_block("a <b> old <c> d", "<b>", "<c>", "new") == "a <b>\nnew\n<c> d"


def test_a_module_without_a_docstring_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cell in the module map would go unnoticed."""
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    (tmp_path / "module.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"module\.py has no docstring"):
        generate_docs.docstring(tmp_path / "module.py")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One module. More.", "One module."), ("One,\nover lines.\n\nMore.", "One, over lines."),
        ("See systemd.scope(5): one. Two.", "See systemd.scope(5): one."), ("Is it one? Two.", "Is it one?"),
    ],
)  # fmt: skip
def test_the_first_sentence_describes_a_module(text: str, sentence: str) -> None:
    assert generate_docs.first_sentence(text) == sentence
