"""What somebody who meets the lock is told: the person who asked, not the account that the request came in by."""

from __future__ import annotations

from typing import Any

import pytest
from releasectl.arguments import parser
from releasectl.cli import _what

PIPED = ["deploy", "--request", "-"]


@pytest.mark.parametrize(
    ("words", "document", "told"),
    [
        (PIPED, {"version": "v1.4.2", "by": "alice"}, ("deploy v1.4.2", "alice")),
        (PIPED, {"version": "v1.4.2", "by": "al\nice"}, ("deploy v1.4.2", "al ice")),
        ([*PIPED, "--by", "root"], {}, ("deploy", "root")),
        ([*PIPED, "--by", "root"], ["nonsense"], ("deploy", "root")),
        (["rollback", "--to", "7", "--by", "bob"], None, ("rollback 7", "bob")),
        (["rollback", "--by", "bob"], None, ("rollback", "bob")),
        (["recover"], None, ("recover", "releasectl")),
    ],
)
def test_the_lock_names(words: list[str], document: Any, told: tuple[str, str]) -> None:
    assert _what(parser().parse_args(words), document) == told
