"""The scope that a rollout moves into: the process does not end while it is being moved."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from releasectl.host import scope
from releasectl.host.command import Done


def mover() -> Iterator[threading.Thread]:
    return (it for it in threading.enumerate() if it is not threading.main_thread() and not it.daemon)


@pytest.mark.parametrize("code", [0, 1])
def test_the_end_waits_until_it_is_moved(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    places = iter(["1:name=systemd:/system.slice/ssh.service"] * 3)
    monkeypatch.setattr(os.path, "isdir", lambda path: True)
    there = "1:name=systemd:/system.slice/slipway-inference-1.scope"
    monkeypatch.setattr(scope, "_cgroup", lambda: next(places, there))
    asked = threading.Event()
    monkeypatch.setattr(scope, "run", lambda argv, timeout_s: (asked.wait(5), Done(code, "", ""))[1])
    scope.leave_session("inference")
    thread = next(mover())
    assert thread.is_alive(), "nobody waits for it on the way to the switch"
    asked.set()
    thread.join(5)
    assert not thread.is_alive()
    assert (next(places, None) is None) == (code == 0), "a refusal is not waited for"


def test_a_scope_whose_process_was_killed_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine, gone = os.getpid(), 2**22 + 1
    for name in (f"slipway-inference-{mine}", f"slipway-inference-{gone}", f"slipway-inference-b-{gone}", "ssh"):
        (tmp_path / f"{name}.scope").mkdir()
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(scope, "_slices", lambda: [str(tmp_path)])
    monkeypatch.setattr(scope, "run", lambda argv, timeout_s: asked.append(argv))
    scope.end_empty("inference")
    assert asked == [("systemctl", "stop", f"slipway-inference-{gone}.scope")]
