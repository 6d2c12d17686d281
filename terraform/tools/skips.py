#!/usr/bin/env python3
"""Write docs/terraform-skips.md: every checkov check that the code skips, where and why; --check only compares."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.doc_blocks import ROOT, cell, table, update

DOCUMENT = ROOT / "docs" / "terraform-skips.md"
SKIP = re.compile(r"#checkov:skip=(\w+):(.*)")
BLOCK = re.compile(r'^(resource|data) "(\w+)" "(\w+)"')


@dataclass(frozen=True, order=True)
class Skip:
    """A check that one block skips, and its reason."""

    check: str
    folder: str
    resource: str
    reason: str


def skips() -> list[Skip]:
    found = []
    for path in sorted((ROOT / "terraform").rglob("*.tf")):
        if path.is_symlink() or ".terraform" in path.parts:
            continue
        block = ""
        for line in path.read_text().splitlines():
            if head := BLOCK.match(line):
                block = ".".join(["data", *head.groups()[1:]] if head[1] == "data" else head.groups()[1:])
            if skip := SKIP.search(line):
                folder = str(path.parent.relative_to(ROOT / "terraform"))
                found.append(Skip(skip[1], folder, block, skip[2].strip()))
    return sorted(found)


def document(found: list[Skip]) -> str:
    lines = [
        "# Checks that the Terraform code skips",
        "",
        "The modules and the plans pass every check of checkov except these. Each skip stands in the block that it",
        "concerns, with its reason. Generated from the code by `terraform/tools/skips.py`; a test compares them.",
        "",
        table(
            ["check", "where", "resource", "reason"],
            [[s.check, s.folder, f"`{s.resource}`", cell(s.reason)] for s in found],
        ),
    ]
    return "\n".join([*lines, ""])


def main() -> int:
    return update({DOCUMENT: document(skips())}, "terraform/tools/skips.py")


if __name__ == "__main__":
    sys.exit(main())
