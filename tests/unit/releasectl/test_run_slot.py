"""The main process of a slot: what systemd learns of an end that was asked for, and of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from releasectl.core.config import read_config
from releasectl.edge.paths import Paths

from releasectl import run_slot as module

from .host import config_doc

RELEASE = SimpleNamespace(ref="v1.0.0 (release 1)", options=SimpleNamespace(stop_timeout_s=1))


class Dead:
    """Docker, of which the container was killed."""

    def __init__(self, *_: Any) -> None: ...

    def container(self, _: str) -> dict[str, Any]:
        return {"State": {"Running": False, "OOMKilled": False, "ExitCode": 137, "Error": ""}}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(module, "Docker", Dead)
    monkeypatch.setattr(module, "_adopt", lambda *_: None)
    monkeypatch.setattr(module.Slot, "release", lambda _: (RELEASE, ("", "")))
    yield Paths(root=str(tmp_path))
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, handler)


def ended_process() -> int:
    process = subprocess.Popen(["sleep", "60"])
    pidfd = os.pidfd_open(process.pid)
    process.kill()
    process.wait()
    return pidfd


def asked() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("found", [lambda: None, ended_process], ids=["while it starts", "while it runs"])
@pytest.mark.parametrize("told", [True, False], ids=["asked for", "by itself"])
def test_an_end_is_a_failure_unless_it_was_asked_for(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, found: Callable[[], int | None], told: bool
) -> None:
    def start(*_: Any) -> int | None:
        if told:
            asked()
        return found()

    config = read_config(config_doc(), "service.json")
    fate = Path(paths.fate(config.service, "blue"))
    fate.parent.mkdir(parents=True)
    monkeypatch.setattr(module, "_start", start)
    assert module.run_slot(paths, config, "blue") == (0 if told else 1)
    assert fate.exists() is not told
