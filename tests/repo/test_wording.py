"""Documentation, task names, command help and descriptions of options use the words of docs/glossary.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
# Retired phrase → what to write instead. Only phrases that have no other meaning here.
RETIRED = {
    r"\bways? back\b": "rollback target, rollback status",
    r"\bt(?:ake|akes|aken|ook) (?:\w+ )?back\b": "roll back",
    r"\bgo(?:es|ne)? back to\b": "roll back, return to",
    r"\bwhat differs\b": "drift",
    r"\bas wanted\b": "in the desired state",
    r"\bas (?:it|they) should be\b": "in the desired state",
    r"\b(?:is|are|was|were|be) told\b": "is reported, receives",
    r"\bh(?:ears?|eard)\b": "receives, acknowledged",
    r"\bspeaks? to (?:a|the) canary\b": "control a canary",
    r"\bsays? (?:so|what|who)\b": "prints, reports",
    r"\bmend(?:s|ed)?\b": "fix, repair",
    r"\bwho(?:m|ever)? asks\b": "client, caller, operator",
    r"\b(?:whoever|somebody|someone)\b": "client, caller, operator, process",
    r"\bnobody\b": "no client, no operator",
    r"\bfront face\b": "front end, entry point",
    r"\blast words\b": "log tail",
    r"\bmade anew\b": "created again, replaced",
    r"\banew\b": "again",
    r"\bthe ground\b": "infrastructure",
    r"\bin trouble\b": "fails, has an error",
    r"\bgo(?:es)? on\b": "continues, resumes",
    r"\bstands? in the way\b": "preflight error",
    r"\bwhat is wanted\b": "desired state",
    r"\bprove(?:s|d)? (?:that|from)\b": "verify, smoke test",
    r"\bauthorit(?:y|ies)\b": "CA",
    r"\bfolders?\b": "directory",
}
# The glossary lists the retired words; the last two pages are generated from the reasons in Terraform's code.
PAGES = sorted(
    {
        *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md"),
        *(ROOT / "terraform").glob("*/README.md"), *(ROOT / "terraform").glob("modules/*/README.md"),
        *(ROOT / "collections").glob("**/ops/README.md"),
    } - {ROOT / "docs" / "glossary.md"}
)  # fmt: skip
TASKS = sorted({ROOT / "site.yml", *(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/*/*.yml")})
ENGINE = ROOT / "releasectl" / "src" / "releasectl"
HELP = [ROOT / "Makefile", ROOT / "fabfile.py", ENGINE / "arguments.py", ENGINE / "host_commands.py"]
PLUGINS = sorted((ROOT / "collections" / "ansible_collections" / "slipway" / "ops" / "plugins").glob("*/*.py"))
SPECS = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
TERRAFORM = sorted(it for it in (ROOT / "terraform").rglob("*.tf") if ".terraform" not in it.parts)


def descriptions(document: Any) -> Iterator[str]:
    """The descriptions in an argument spec or in a plugin's documentation, at any depth."""
    for key, value in document.items() if isinstance(document, dict) else ():
        if key in ("description", "short_description"):
            yield from [value] if isinstance(value, str) else value
        else:
            yield from descriptions(value)


def prose(path: Path) -> str:
    """The text that people read: pages without code, task names, help texts, descriptions, messages of Terraform."""
    text = path.read_text()
    if path in SPECS:
        return "\n".join(descriptions(yaml.safe_load(text)))
    if path in PLUGINS:
        documents = re.findall(r'^ *(?:DOCUMENTATION|RETURN) = r"""(.*?)"""', text, flags=re.DOTALL | re.MULTILINE)
        return "\n".join(it for document in documents for it in descriptions(yaml.safe_load(document)))
    if path.suffix == ".tf":
        return "\n".join(re.findall(r'^\s*(?:description|error_message)\s*=\s*"(.*)"$', text, flags=re.MULTILINE))
    if path.suffix == ".md":
        # Generated blocks are prose of the file that they come from.
        text = re.sub(r"<!-- generated: .*?<!-- /generated -->|```.*?```", "", text, flags=re.DOTALL)
        return re.sub(r"`[^`]*`|^    .*$", "", text, flags=re.MULTILINE)
    if path.suffix == ".yml":
        return "\n".join(re.findall(r"^\s*-? ?(?:name|fail_msg|msg): (.*)$", text, flags=re.MULTILINE))
    if path.name == "Makefile":
        return "\n".join(re.findall(r"## (.*)$", text, flags=re.MULTILINE))
    return "\n".join(re.findall(r'(?:help=|text = |add\("[^"]+", |""")f?"?([^"]+)"', text))


def findings(text: str) -> Iterator[str]:
    for pattern, better in RETIRED.items():
        for found in re.finditer(pattern, text, flags=re.IGNORECASE):
            around = " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())
            yield f"“{found[0]}” in “…{around}…”: write {better}"


@pytest.mark.parametrize(
    "path", [*PAGES, *TASKS, *HELP, *PLUGINS, *SPECS, *TERRAFORM], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_retired_phrase(path: Path) -> None:
    assert list(findings(prose(path))) == []


@pytest.mark.parametrize(
    "text", ["Take it back at once", "who is told", "Whoever asks", "the way back", "HAProxy goes on", "mend the cause"]
)
def test_a_retired_phrase_is_found(text: str) -> None:
    assert list(findings(text))


def test_code_in_a_page_is_not_prose(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Messages: `the way back is told`.\n\n    mend it\n\n```\nnobody\n```\nFine.\n")
    assert list(findings(prose(page))) == []


def test_descriptions_and_messages_of_terraform_are_prose() -> None:
    release = prose(ROOT / "roles" / "release" / "meta" / "argument_specs.yml")
    assert "Registry that the image comes from" in release and "release_registry:" not in release
    plugin = prose(PLUGINS[0].parent.parent / "modules" / "release.py")
    assert "Make a version of a service live on a host" in plugin and "import " not in plugin
    checks = prose(ROOT / "terraform" / "composition" / "checks.tf")
    assert "No SSH key could log in" in checks and "precondition" not in checks
