"""For all tests of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

StandIn = Callable[[str, str], None]

# The same examples on every machine, and no deadline that a busy one would miss.
settings.register_profile("releasectl", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("releasectl")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """`stand_in("systemctl", "echo active")`: a shell script that is found in the place of a program."""

    def put(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return put
