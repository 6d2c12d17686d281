"""The runbooks on call: found by symptom, safe to copy, and complete for what the status says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import runbook
from tests.harness.engine_texts import HOLE, template

ROOT = Path(__file__).parent.parent.parent
RUNBOOKS = runbook.RUNBOOKS
INDEX = RUNBOOKS / "README.md"
ENGINE = ROOT / "releasectl" / "src" / "releasectl"
COLLECTION = ROOT / "collections" / "ansible_collections" / "slipway" / "ops" / "plugins"
INVENTORIES = (ROOT / "terraform" / "tools" / "inventory_outputs.py", ROOT / "tools" / "inventory.py")
# Those with commands for a host.
ON_CALL = [RUNBOOKS / name for name in runbook.pages()]
SYMPTOMS = (
    "503 with", "connection refused", "TLS error", "5xx", "requests hang", "wrong version", "4xx after a release",
    "deploy refused",
)  # fmt: skip
# Commands about no host: the models of the store.
NO_HOST = ("playbooks/models/",)
# Pages whose first column under Meaning quotes the status and the errors of our own code.
QUOTING = ("memory-low", "clock", "registry-unreachable", "recovery-stopped", "deploy-refused")
# What these pages quote of others: AWS, OpenSSL.
OF_OTHERS = (
    "Signature expired", "RequestTimeTooSkewed", "InvalidSignatureException", "certificate is not yet valid",
    "certificate has expired",
)  # fmt: skip
# Values that the code puts into a hole, and that a page writes out.
VALUES = r"the registry(?='| …)|the model store(?='| …)|(?<=, )hold(?= for)|(?<=not enough )memory|(?<=for …) beside …"


def rows(text: str | None = None) -> list[str]:
    """Of all tables of a page (the index), their heads included. Raises ValueError for a row outside a table."""
    found: list[str] = []
    lines = ["", *(INDEX.read_text() if text is None else text).splitlines()]
    for number, line in enumerate(lines):
        if not line.startswith("|"):
            continue
        if not lines[number - 1].startswith("|") and not "".join(lines[number + 1 : number + 2]).startswith("|---"):
            raise ValueError(f"a row outside a table: {line}")
        found += [line] if line.startswith("| ") else []
    return found


def quoted(text: str) -> list[str]:
    """What the first column of its tables has in backticks."""
    return [quote for row in rows(text) for quote in re.findall(r"`([^`]+)`", row.split("|")[1])]


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


def test_each_page_is_in_the_index() -> None:
    named = set(re.findall(r"\]\(([\w-]+\.md)[#)]", INDEX.read_text()))
    assert {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"} == named


@pytest.mark.parametrize(
    "text", ["| symptom | page |\n", "| symptom | page |\n|---|---|\n| a | b |\n\n## Drills\n| c | d |\n"]
)
def test_a_row_outside_a_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outside a table"):
        rows(text)


def pattern(quote: str) -> str:
    return ".*".join(re.escape(part) for part in quote.split(HOLE))


def causes() -> Iterator[str]:
    """What the code gives as the cause of a finding, or of what a client gets, by name or in place."""
    for path in sorted(ENGINE.rglob("*.py")):
        for function in (it for it in ast.walk(ast.parse(path.read_text())) if isinstance(it, ast.FunctionDef)):
            assigned: dict[str, list[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    sides = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                    assigned.setdefault(node.targets[0].id, []).extend(template(side) for side in sides)
            for node in ast.walk(function):
                # `verdict` gives the cause beside whether clients are served.
                if function.name == "verdict" and isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    cause = node.value.elts[1]
                    yield from [template(cause)] if isinstance(cause, ast.JoinedStr | ast.Constant) else []
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in ("Finding", "Asked")
                ):
                    cause = node.args[1]
                    yield from assigned.get(cause.id, []) if isinstance(cause, ast.Name) else [template(cause)]


def test_each_trouble_of_the_code_has_a_row() -> None:
    found = [text for text in causes() if re.search("[a-z]", text)]
    assert len(found) > 15
    patterns = [pattern(text) for text in quoted(INDEX.read_text())]
    for text in found:
        assert any(re.search(it, text) for it in patterns), f"no row for {text!r}"


def messages() -> set[str]:
    """All texts of the engine, the collection and the inventories, with holes where they have values."""
    found = set()
    for path in [*ENGINE.rglob("*.py"), *COLLECTION.rglob("*.py"), *INVENTORIES]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found.add(template(node))
    return found | {path.read_text() for path in (ROOT / "roles" / "release" / "tasks").glob("*.yml")}


def is_printed(quote: str, texts: set[str]) -> bool:
    """As a whole, or its parts around a colon, where one text of the code is put into another."""
    quote = re.sub(VALUES, HOLE, quote)
    parts = [part for part in quote.split(": ") if part.strip(HOLE)]
    return all(any(re.search(pattern(part), text) for text in texts) for part in parts)


@pytest.mark.parametrize("name", QUOTING)
def test_a_page_quotes_what_the_code_prints(name: str) -> None:
    """An operator searches the page for the words of the status."""
    meaning = (RUNBOOKS / f"{name}.md").read_text().partition("## Meaning")[2].partition("## Impact")[0]
    quotes = [it for it in quoted(meaning) if it not in OF_OTHERS]
    assert len(quotes) >= 2
    texts = messages()
    assert [it for it in quotes if not is_printed(it, texts)] == []


def test_a_text_that_the_code_does_not_print_is_found() -> None:
    texts = messages()
    assert is_printed("the clock is not synchronized", texts) and is_printed("… MB of … MB memory are available", texts)
    assert not is_printed("the clock is not in sync", texts) and not is_printed("… MB of memory are available", texts)


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


def test_commands_that_no_test_runs_are_on_a_page() -> None:
    """tests/faults/test_runbook_commands.py runs all others."""
    lines = {line for name in runbook.pages() for line in runbook.commands(name)}
    assert len(lines) > 120
    assert set(runbook.NOT_RUN) - lines == set()
    assert len(runbook.NOT_RUN) < len(lines) / 6
    assert any(runbook.is_listed(line) for line in lines)
