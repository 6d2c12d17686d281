#!/usr/bin/env python3
"""Write the tables of inputs and outputs in each Terraform module's README from its code; --check only compares."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.doc_blocks import ROOT, cell, replace_block, table, update

TERRAFORM = ROOT / "terraform"


@dataclass(frozen=True)
class Entry:
    """A variable or an output: what its block says, as written."""

    name: str
    description: str
    type: str
    default: str | None


def body(text: str, start: int) -> str:
    """What is between the brace at `start` and its partner; strings and comments may hold braces of their own."""
    depth = 0
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|[{}]', text[start:]):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : start + match.start()]
    raise ValueError(f"no end of the block at {start}")


def attribute(block: str, name: str) -> str | None:
    """An attribute's expression as written, over several lines where its brackets are; None when it is absent."""
    found = re.search(rf"^  {name}\s*= ", block, flags=re.MULTILINE)
    if not found:
        return None
    rest = block[found.end() :]
    heredoc = re.match(r"<<-?(\w+)\n(.*?)\n\s*\1", rest, flags=re.DOTALL)
    if heredoc:
        return " ".join(heredoc[2].split())
    lines: list[str] = []
    depth = 0
    for line in rest.splitlines():
        lines.append(line)
        bare = re.sub(r'"(?:\\.|[^"\\])*"|#.*', "", line)
        depth += sum(bare.count(c) for c in "({[") - sum(bare.count(c) for c in ")}]")
        if depth <= 0:
            break
    return "\n".join(lines).strip()


def entries(folder: Path, kind: str) -> list[Entry]:
    found = []
    for path in sorted(folder.glob("*.tf")):
        text = path.read_text()
        for match in re.finditer(rf'^{kind} "(\w+)" {{', text, flags=re.MULTILINE):
            block = body(text, match.end() - 1)
            description = attribute(block, "description") or ""
            quoted = re.fullmatch(r'"(.*)"', description, flags=re.DOTALL)
            words = quoted[1].replace('\\"', '"') if quoted else description
            found.append(Entry(match[1], words, attribute(block, "type") or "", attribute(block, "default")))
    return found


def shape(expression: str) -> str:
    """A type on one line: comments and indents gone, the fields of an object separated by commas."""
    lines = [re.sub(r"#.*", "", line).strip() for line in expression.splitlines()]
    joined = ", ".join(line for line in lines if line)
    joined = re.sub(r"\s+=\s+", " = ", joined)
    return re.sub(r"([({\[]), |, ([)}\]])", lambda m: (m[1] or "") + (m[2] or ""), joined)


def interface(folder: Path) -> str:
    rows = []
    for e in entries(folder, "variable"):
        default = "required" if e.default is None else f"`{cell(shape(e.default))}`"
        rows.append([f"`{e.name}`", f"`{cell(shape(e.type))}`", default, cell(e.description)])
    inputs = table(["input", "type", "default", "meaning"], rows)
    outputs = [[f"`{e.name}`", cell(e.description)] for e in entries(folder, "output")]
    return f"{inputs}\n\n{table(['output', 'meaning'], outputs)}" if outputs else inputs


def filled(readme: str, folder: Path) -> str:
    return replace_block(readme, "<!-- interface -->", "<!-- /interface -->", interface(folder))


def main() -> int:
    modules = sorted(path for path in (TERRAFORM / "modules").iterdir() if path.is_dir())
    pages = [folder / "README.md" for folder in [*modules, TERRAFORM / "bootstrap", TERRAFORM / "composition"]]
    return update({page: filled(page.read_text(), page.parent) for page in pages}, "terraform/tools/readme.py")


if __name__ == "__main__":
    sys.exit(main())
