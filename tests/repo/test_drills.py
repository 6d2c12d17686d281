"""The drills: twelve, each fixed by at most three commands that its runbook page has."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import __main__ as command
from drills.incidents import INCIDENTS, START_RECOVERY, Incident

RUNBOOKS = Path(__file__).parent.parent.parent / "docs" / "runbooks"
# The page that the index names for a recovery timer that does not run, whatever else is wrong.
OF_RECOVERY = RUNBOOKS / "recovery-stopped.md"


def test_there_are_twelve(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["drills"])
    assert command.main() == 0
    assert len(capsys.readouterr().out.splitlines()) == len(INCIDENTS) == 12


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda it: it.pager)
def test_the_page_has_the_commands(incident: Incident) -> None:
    assert f"]({incident.page}#" in (RUNBOOKS / "README.md").read_text()
    assert 1 <= len(incident.commands) <= 3
    for line in incident.commands:
        page = OF_RECOVERY if line == START_RECOVERY else RUNBOOKS / incident.page
        assert f"    {line}\n" in page.read_text(), f"{page.name} lacks: {line}"


def test_an_unknown_number_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["drills", "13"])
    assert command.main() == 2
    assert "expected 1 to 12" in capsys.readouterr().err
