"""The shared half of the documentation generators: marked blocks in pages, and write or compare."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cell(text: str) -> str:
    """The text on one line, with `|` escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the caller escapes its cells."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def replace_block(page: str, begin: str, end: str, content: str) -> str:
    """The page with `content` between its two markers. ValueError if it lacks one of them."""
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"no block {begin} … {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def update(pages: Mapping[Path, str], command: str) -> int:
    """Write the pages that are stale; with --check only name them. Returns the exit code."""
    check = "--check" in sys.argv[1:]
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not check:
            path.write_text(pages[path])
        print(f"{path.relative_to(ROOT)}: {f'stale; run {command}' if check else 'written'}")
    return 1 if stale and check else 0
