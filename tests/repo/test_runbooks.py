"""The runbooks on call: found by symptom, safe to copy, and complete for what the status says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RUNBOOKS = ROOT / "docs" / "runbooks"
INDEX = RUNBOOKS / "README.md"
ENGINE = ROOT / "releasectl" / "src" / "releasectl"
# Those with commands for a host.
ON_CALL = [page for page in sorted(RUNBOOKS.glob("*.md")) if "    host=inference-1 env=local" in page.read_text()]
SYMPTOMS = (
    "503 with", "connection refused", "TLS error", "5xx", "requests hang", "wrong version", "4xx after a release",
    "deploy refused",
)  # fmt: skip
# Commands about no host: the models of the store.
NO_HOST = ("playbooks/models/",)
HOLE = "…"


def rows() -> list[str]:
    return [line for line in INDEX.read_text().splitlines() if line.startswith("| ")]


def sections(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_each_symptom_has_a_row(symptom: str) -> None:
    assert any(symptom in row.split("|")[1] for row in rows())


def test_each_link_leads_to_a_section() -> None:
    links = re.findall(r"\]\(([\w-]+\.md)#([\w-]+)\)", INDEX.read_text())
    assert len(links) > 20
    for name, section in links:
        assert section in sections(RUNBOOKS / name), f"{name}#{section}"


def test_each_page_on_call_is_in_the_index() -> None:
    named = set(re.findall(r"\]\(([\w-]+\.md)#", INDEX.read_text()))
    assert {page.name for page in ON_CALL} - {"README.md", "roll-out-a-model.md"} <= named


def template(node: ast.expr) -> str:
    """A text of the code with holes where it has values; empty if it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else HOLE for part in node.values)  # type: ignore[misc]
    return ""


def causes() -> Iterator[str]:
    """What the code gives as the cause of a finding, by name or in place."""
    for path in sorted(ENGINE.rglob("*.py")):
        for function in (it for it in ast.walk(ast.parse(path.read_text())) if isinstance(it, ast.FunctionDef)):
            assigned: dict[str, list[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    sides = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                    assigned.setdefault(node.targets[0].id, []).extend(template(side) for side in sides)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                    cause = node.args[1]
                    yield from assigned.get(cause.id, []) if isinstance(cause, ast.Name) else [template(cause)]


def test_each_trouble_of_the_code_has_a_row() -> None:
    found = [text for text in causes() if text.strip(HOLE)]
    assert len(found) > 15
    quoted = [text for row in rows() for text in re.findall(r"`([^`]+)`", row.split("|")[1])]
    patterns = [".*".join(re.escape(part) for part in text.split(HOLE)) for text in quoted]
    for text in found:
        assert any(re.search(pattern, text) for pattern in patterns), f"no row for {text!r}"


@pytest.mark.parametrize("page", ON_CALL, ids=lambda page: page.name)
def test_commands_are_safe_to_copy(page: Path) -> None:
    """Each names the host that the reader has set, or a wrong one is hit at night."""
    text = page.read_text()
    assert "slipway-lab-inference-1" not in text
    for line in re.findall(r"^ {4,}(?!host\$)(.*)$", text, re.MULTILINE):
        if any(it in line for it in NO_HOST):
            continue
        if ".venv/bin/fab " in line:
            assert "--host $host" in line, line
        if "ansible-playbook " in line:
            assert "--limit $host" in line, line
        if re.match(r"make (status|rollback|verify|deploy)\b", line):
            assert "HOST=$host" in line, line


def test_no_page_for_a_host_lacks_the_variable() -> None:
    for page in RUNBOOKS.glob("*.md"):
        assert "host$ " not in page.read_text() or page in ON_CALL, page.name
