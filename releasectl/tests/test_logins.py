"""Who was logged in when a file was changed, as last(1) of util-linux prints it."""

from __future__ import annotations

from pathlib import Path

import pytest
from releasectl.host import logins
from releasectl.host.logins import logged_in, parse

PRINTED = """\
bob      pts/1        2001:db8::7          (00:00)
admin    pts/0        172.30.99.1          still logged in
admin    pts/2        172.30.99.1         (01:00)
root     tty1         0.0.0.0             (00:00)
eve      tty2         (00:00)
reboot   system boot  0.0.0.0              running

wtmp begins Sun Nov 29 11:48:36 2026
"""


def test_each_person_is_named_once() -> None:
    assert parse(PRINTED) == ("bob from 2001:db8::7", "admin from 172.30.99.1", "root", "eve")
    assert parse("\nwtmp begins Sun Nov 29 11:48:36 2026\n") == ()


def test_each_time_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "last"
    program.write_text('#!/bin/sh\nfor it; do :; done\n[ "${it%:08}" = "$it" ] || echo "bob pts/1 192.0.2.1"\n')
    program.chmod(0o755)
    monkeypatch.setattr(logins, "_last", lambda at, last=logins._last: (str(program), *last(at)[1:]))
    assert logged_in({8.5, 9.0}) == {8.5: ("bob from 192.0.2.1",), 9.0: ()}


def test_without_the_program_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_last", lambda at: ("/nonexistent/last",))
    assert logged_in({1.0}) == {}
