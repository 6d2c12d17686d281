"""What systemd says of the slots' units, from a systemctl of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from releasectl.core.errors import Code, Failure
from releasectl.edge.systemd import ask_units

from .host import config


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "systemctl"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return path


def says(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_each_slot_has_the_state_of_its_unit(systemctl: Path) -> None:
    says(
        systemctl, '[ "$*" = "is-active inference@blue.service inference@green.service" ] && echo active && echo failed'
    )
    units = ask_units(config())()
    assert (units.active, units.up("blue"), units.up("green")) == ({"blue": "active", "green": "failed"}, True, False)


def test_a_slot_that_is_not_up_is_no_trouble(systemctl: Path) -> None:
    says(systemctl, "echo inactive; echo inactive; exit 3")
    assert not ask_units(config())().up("blue")


def test_a_systemd_that_does_not_answer_is_not_taken_for_stopped_units(systemctl: Path) -> None:
    says(systemctl, "echo 'Failed to connect to bus' >&2; exit 1")
    with pytest.raises(Failure, match="Failed to connect to bus") as raised:
        ask_units(config())()
    assert raised.value.code == Code.PREFLIGHT
