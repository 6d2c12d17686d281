#!/usr/bin/env python3
"""Write docs/terraform-skips.md: every checkov check that the code skips, where and why; --check only compares."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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
        "Every check of checkov passes on the modules and on the plans, but for these. Each is skipped in the block",
        "that it concerns, with the reason beside it. This page is made from the code by `terraform/tools/skips.py`,",
        "and a test compares them.",
        "",
        "| check | where | resource | reason |",
        "| --- | --- | --- | --- |",
        *(f"| {s.check} | {s.folder} | `{s.resource}` | {s.reason} |".replace("||", "| |") for s in found),
    ]
    return "\n".join([*lines, ""])


def main() -> int:
    wanted = document(skips())
    if DOCUMENT.exists() and DOCUMENT.read_text() == wanted:
        return 0
    if "--check" in sys.argv:
        print(f"{DOCUMENT.relative_to(ROOT)} differs from the code; run terraform/tools/skips.py")
        return 1
    DOCUMENT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
