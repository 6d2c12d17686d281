#!/usr/bin/env python3
"""Write the table of variables in each role's README from its argument specs; --check only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.doc_blocks import ROOT, cell, replace_block, table, update


def row(name: str, option: dict[str, Any]) -> list[str]:
    default = f"`{json.dumps(option['default'])}`" if "default" in option else "required"
    meaning = option["description"]
    text = " ".join(meaning) if isinstance(meaning, list) else meaning
    return [f"`{name}`", option["type"], cell(default), cell(text)]


def filled(readme: str, role: Path) -> str:
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    rows = [row(name, option) for name, option in specs["main"].get("options", {}).items()]
    content = table(["variable", "type", "default", "meaning"], rows)
    return replace_block(readme, "<!-- variables -->", "<!-- /variables -->", content)


def main() -> int:
    pages = sorted((ROOT / "roles").glob("*/README.md"))
    return update({page: filled(page.read_text(), page.parent) for page in pages}, "tools/role_readme.py")


if __name__ == "__main__":
    sys.exit(main())
