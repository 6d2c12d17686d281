"""docs/benchmarks.md: sections between markers, each replaced whole by the run that measured it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

TITLE = "# Benchmarks\n"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def ms(seconds: float) -> str:
    return "–" if math.isnan(seconds) else f"{seconds * 1000:.1f}"


def s(seconds: float) -> str:
    return "–" if math.isnan(seconds) else f"{seconds:.2f}"


def replaced(page: str, name: str, title: str, content: str) -> str:
    """`content` between the markers of `name`; a new section at the end of a page that has no such markers."""
    begin, end = f"<!-- bench:{name} -->", "<!-- /bench -->"
    section = f"{begin}\n{content.strip()}\n{end}"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: section, page, count=1)
    return f"{(page or TITLE).rstrip()}\n\n## {title}\n\n{section}\n"


def write(path: Path, name: str, title: str, content: str) -> None:
    page = path.read_text() if path.exists() else ""
    path.parent.mkdir(exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.write_text(replaced(page, name, title, content))
    scratch.replace(path)
