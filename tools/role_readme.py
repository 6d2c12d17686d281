#!/usr/bin/env python3
"""Write the table of variables in each role's README from its argument specs; --check only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parent.parent / "roles"
BEGIN, END = "<!-- variables -->", "<!-- /variables -->"


def table(specs: dict[str, Any]) -> str:
    lines = ["", "| variable | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, option in specs["main"].get("options", {}).items():
        default = f"`{json.dumps(option['default'])}`" if "default" in option else "required"
        meaning = option["description"]
        text = " ".join(meaning) if isinstance(meaning, list) else meaning
        lines.append(f"| `{name}` | {option['type']} | {default} | {' '.join(text.split())} |".replace("||", "| |"))
    return "\n".join([*lines, "", ""])


def filled(readme: str, role: Path) -> str:
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    before, rest = readme.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{table(specs).strip()}\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    stale = []
    for role in sorted(path for path in ROLES.iterdir() if path.is_dir()):
        path = role / "README.md"
        text = path.read_text()
        wanted = filled(text, role)
        if wanted != text:
            stale.append(role.name)
            if "--check" not in sys.argv:
                path.write_text(wanted)
    if stale:
        print(f"{', '.join(stale)}: README {'differs from the argument specs' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
