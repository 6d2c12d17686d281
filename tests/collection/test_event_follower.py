"""Events get from a host to the terminal while a task runs there, and nothing of that can fail or delay the task."""

from __future__ import annotations

import functools
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader, init_plugin_loader
from ansible.utils.display import Display
from ansible_collections.slipway.ops.plugins.plugin_utils import event_follower, event_stream

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(event_stream, "_pipe", None)
    reader = event_stream.open_pipe()
    assert event_stream.open_pipe() == reader, "one for all callbacks of a run"
    yield reader
    for number in event_stream._pipe or ():
        os.close(number)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "events.jsonl"
    monkeypatch.setattr(event_follower, "EVENTS", str(path))
    monkeypatch.setattr(event_follower, "PATIENCE_S", 0.05)
    return path


@functools.cache
def find_plugins() -> None:
    init_plugin_loader()


def local() -> Any:
    find_plugins()
    connection = connection_loader.get("local", PlayContext())
    connection.set_options()
    return connection


def event(phase: str) -> str:
    return (
        json.dumps({"at": "2026-01-31T04:05:06.000Z", "service": "inference", "phase": phase, "event": "done"}) + "\n"
    )


def messages(pipe: int, number: int) -> list[dict[str, Any]]:
    """The next messages, within a few seconds."""
    data, end = b"", time.monotonic() + 10
    while data.count(b"\n") < number and time.monotonic() < end:
        if select.select([pipe], [], [], 0.1)[0]:
            data += os.read(pipe, 65536)
    return [json.loads(line) for line in data.splitlines()]


def test_events_arrive_while_the_task_runs(pipe: int, log: Path) -> None:
    log.write_text(event("before"))
    with event_follower.follow(local(), PlayContext(), "inference", "h1"):
        first, old = messages(pipe, 2)
        assert first["since"] == pytest.approx(time.time(), abs=5)
        assert old["event"]["phase"] == "before", "its time tells the formatter that it is of another rollout"
        with log.open("a") as file:
            # A line that is not complete yet is not lost.
            file.write(event("pull") + event("start")[:30])
        assert messages(pipe, 1)[0]["event"]["phase"] == "pull"
        with log.open("a") as file:
            file.write(event("start")[30:])
        assert messages(pipe, 1)[0]["event"]["phase"] == "start"
        log.write_text(event("rotated"))
        assert messages(pipe, 1)[0]["event"]["phase"] == "rotated"
    assert messages(pipe, 1) == [{"host": "h1", "service": "inference", "end": True}]


def test_a_host_is_followed_as_the_user_of_the_task(pipe: int, log: Path, tmp_path: Path) -> None:
    log.write_text(event("pull"))
    sudo = tmp_path / "sudo"
    sudo.write_text(
        '#!/bin/sh\necho "$@" >>"$0.called"\nwhile [ "$1" != /bin/sh ]; do shift || exit 1; done\nexec "$@"\n'
    )
    sudo.chmod(0o755)
    connection = local()
    connection.set_become_plugin(become_loader.get("ansible.builtin.sudo"))
    connection.become.set_options(direct={"become_exe": str(sudo), "become_user": "root"})
    with event_follower.follow(connection, PlayContext(), "inference", "h1"):
        assert messages(pipe, 2)[1]["event"]["phase"] == "pull"
    assert "-u root /bin/sh -c" in Path(f"{sudo}.called").read_text()
    assert event_follower.second_connection(connection, PlayContext()).become is not connection.become


def test_a_task_that_ends_at_once_is_not_followed(pipe: int, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_follower, "PATIENCE_S", 0.2)
    monkeypatch.setattr(event_follower, "second_connection", pytest.fail)
    with event_follower.follow(local(), PlayContext(), "inference", "h1"):
        pass
    time.sleep(0.3)


@pytest.mark.parametrize("told", ["-vv", "-vvv", "ANSIBLE_DEBUG"])
def test_nothing_displays_beside_a_task(pipe: int, log: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """Or a process that ends at that moment keeps the lock of Ansible's queue, and the run never ends."""
    second, asked = event_follower.second_connection, list[bool]()

    def asking(*them: Any) -> Any:
        asked.append(True)
        return second(*them)

    monkeypatch.setattr(event_follower, "second_connection", asking)
    with event_follower.follow(local(), PlayContext(), "inference", "h1"):
        messages(pipe, 1)
    assert asked == [True]
    if told == "ANSIBLE_DEBUG":
        monkeypatch.setattr(constants, "DEFAULT_DEBUG", True)
    else:
        monkeypatch.setattr(Display(), "verbosity", told.count("v"))
    with event_follower.follow(local(), PlayContext(), "inference", "h1"):
        time.sleep(0.2)
    assert asked == [True]


def test_the_task_does_not_wait_for_its_follower(pipe: int, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(event_follower, "_follow", lambda *arguments: hangs.wait(30))
    start = time.monotonic()
    with event_follower.follow(local(), PlayContext(), "inference", "h1"):
        pass
    hangs.set()
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "connection",
    [SimpleNamespace(transport="aws_ssm"), SimpleNamespace(), SimpleNamespace(transport="ssh", ansible_name="none")],
    ids=["another kind", "not a connection", "fails"],
)
def test_a_follower_that_cannot_connect_stays_silent(pipe: int, log: Path, connection: Any) -> None:
    with event_follower.follow(connection, PlayContext(), "inference", "h1"):
        pass
    with pytest.raises(KeyError), event_follower.follow(connection, PlayContext(), "inference", "h1"):
        time.sleep(0.2)
        raise KeyError("of the task")
    assert [it.get("end") for it in messages(pipe, 2)] == [True, True]


def test_a_full_pipe_and_a_callback_that_is_gone_do_not_stop_a_task(pipe: int) -> None:
    for _ in range(1000):
        event_stream.send({"event": "x" * 1000})
    assert event_stream._pipe is not None
    os.close(pipe)
    event_stream.send({"event": "x"})
    os.dup2(event_stream._pipe[1], pipe)


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Roll out
      slipway.ops.release:
        version: v1.1.0
      no_log: "{{ hidden | default(false) }}"
"""
# The action, with the release of a host in place of its connection.
STAND_IN = """
import json, time
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.ops.plugins.plugin_utils import event_stream

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        key = {"host": "h1", "service": "inference"}
        now = time.time()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + 1)) + "Z"
        event = {"at": at, "service": "inference", "phase": "pull", "event": "done", "seconds": 1.5}
        event_stream.send({**key, "since": now, "ahead": now - time.monotonic()})
        event_stream.send({**key, "event": event})
        time.sleep(0.5)
        event_stream.send({**key, "end": True})
        return {"changed": True, "report": ["h1: v1.0.0 → v1.1.0 is live"]}
"""


@pytest.mark.parametrize(
    ("callback", "options", "stdout", "stderr"),
    [
        ("ansible.builtin.default", (), True, False),
        ("ansible.builtin.minimal", (), False, True),
        ("ansible.builtin.default", ("-e", "hidden=true"), False, False),
    ],
    ids=["default", "another callback", "no_log"],
)
def test_progress_and_summary_are_printed_beside_any_stdout_callback(
    tmp_path: Path, callback: str, options: tuple[str, ...], stdout: bool, stderr: bool
) -> None:
    collections = tmp_path / "collections"
    collection = collections / "ansible_collections" / "slipway" / "ops"
    subprocess.run(["cp", "-R", str(ROOT / "collections"), str(collections)], check=True)
    (collection / "plugins" / "action" / "release.py").write_text(STAND_IN)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_STDOUT_CALLBACK": callback,
             "ANSIBLE_CALLBACKS_ENABLED": "slipway.ops.rollout_progress"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "h1 | pull 1.50 s (" in done.stderr
    summary = "h1: v1.0.0 → v1.1.0 is live\n"
    # `minimal` prints each result as JSON, and escapes the arrow.
    assert (done.stdout.count(summary), done.stderr.count(summary)) == (stdout, stderr), done.stdout + done.stderr
