"""Names that were retired do not come back: one word for each thing (docs/glossary.md)."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "releasectl"
NAMES = """
    Edge edge Broken broken Word Wish wish intend Favour favour _favour brought fate _fate died last_end way_back misfit
    tight fitting told _told last_words show_canary canary_word comes_up see_up _see_up _both_up NOBODY look _look
    LOOK_S SECOND_LOOK_S ClearJournal Performer
"""
# They told nothing of what they held.
LOCALS = "made there said words"
RETIRED = frozenset(f"{NAMES} {LOCALS}".split())
# The package edge/ is HAProxy's.
ALLOWED = {("adapter.py", "edge"), ("around.py", "edge"), ("host_commands.py", "edge")}


def identifiers(text: str) -> Iterator[str]:
    """Also those within f-strings, which are one token up to Python 3.11."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.string
        elif token.type == tokenize.STRING and token.string.lower().startswith(("f", "rf")):
            for expression in re.findall(r"\{([^{}]*)\}", token.string):
                yield from re.findall(r"\b[A-Za-z_]\w*\b", re.sub(r"'[^']*'|\"[^\"]*\"", "", expression))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_retired_name_is_used(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    used = set(identifiers(path.read_text())) & RETIRED
    assert {it for it in used if (name, it) not in ALLOWED} == set()


def test_a_retired_name_is_found_wherever_it_is_used() -> None:
    assert set(
        identifiers('def f(edge):\n    """A word."""\n    return f"{told(x)!r} {NOBODY}"  # look\n')
    ) & RETIRED == {
        "edge",
        "told",
        "NOBODY",
    }
