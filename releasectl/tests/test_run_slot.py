"""The main process of a slot: what systemd learns of an end that was asked for, and of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from releasectl.documents.config import read_config
from releasectl.host import systemd
from releasectl.host.docker import DockerAway
from releasectl.host.paths import Paths
from releasectl.model.errors import Code, Failure
from releasectl.model.model import Config
from releasectl.slot import main as module
from releasectl.slot.container import Running, running, signal_of

from .simulated_host import config_doc

RELEASE = SimpleNamespace(ref="v1.0.0 (release 1)", options=SimpleNamespace(stop_timeout_s=1))
STARTED: list[subprocess.Popen[bytes]] = []


class Dead:
    """Docker, of which the container was killed."""

    def __init__(self, *_: Any) -> None: ...

    def container(self, _: str) -> dict[str, Any]:
        return {"State": {"Running": False, "OOMKilled": False, "ExitCode": 137, "Error": ""}}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    handler, interrupt = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(module, "Docker", Dead)
    monkeypatch.setattr(module, "_adopt", lambda *_: None)
    monkeypatch.setattr(module.Slot, "release", lambda _: (RELEASE, ("", "")))
    yield Paths(root=str(tmp_path))
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, interrupt)
    for it in STARTED:
        it.kill()
        it.wait()
    STARTED.clear()


def process(script: str = "") -> Running:
    """A first process of a container, ready once it has said so."""
    code = f"import signal, time\n{script}\nprint('ready', flush=True)\ntime.sleep(60)"
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert started.stdout and started.stdout.readline() == b"ready\n"
    STARTED.append(started)
    return Running(os.pidfd_open(started.pid))


def ended_process() -> Running:
    it = process()
    it.send(signal.SIGKILL)
    STARTED[-1].wait()
    return it


def asked(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


def asked_later(number: int = signal.SIGTERM) -> None:
    """Once the container runs."""
    threading.Timer(0.3, asked, [number]).start()


@pytest.fixture
def config() -> Config:
    return read_config(config_doc(), "service.json")


@pytest.mark.parametrize("found", [lambda: None, ended_process], ids=["while it starts", "while it runs"])
@pytest.mark.parametrize("told", [True, False], ids=["asked for", "by itself"])
def test_an_end_is_a_failure_unless_it_was_asked_for(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, config: Config, found: Callable[[], Running | None], told: bool
) -> None:
    def start(*_: Any) -> Running | None:
        if told:
            asked()
        return found()

    fate = Path(paths.exit_record(config.service, "blue"))
    fate.parent.mkdir(parents=True)
    monkeypatch.setattr(module, "_start", start)
    assert module.run_slot(paths, config, "blue") == (0 if told else 1)
    assert fate.exists() is not told


class Silent:
    """Docker that answers nobody: dead, or hung."""

    def __init__(self, *_: Any) -> None: ...

    def container(self, _: str) -> dict[str, Any]:
        raise AssertionError("Docker was asked")


@pytest.mark.parametrize(
    ("script", "number", "code", "least_s"),
    [
        ("", signal.SIGTERM, -signal.SIGTERM, 0),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", signal.SIGTERM, -signal.SIGKILL, 1),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", signal.SIGINT, -signal.SIGKILL, 0),
    ],
    ids=["as it is asked", "deaf, after its stop timeout", "at once where nothing it serves matters"],
)
def test_a_slot_stops_without_docker(
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
    config: Config,
    script: str,
    number: int,
    code: int,
    least_s: float,
) -> None:
    def start(*_: Any) -> Running:
        asked_later(number)
        return process(script)

    monkeypatch.setattr(module, "Docker", Silent)
    monkeypatch.setattr(module, "_start", start)
    begin = time.monotonic()
    assert module.run_slot(paths, config, "blue") == 0
    took = time.monotonic() - begin
    assert STARTED[0].wait(5) == code
    assert least_s <= took - 0.3 < least_s + 2


def test_the_image_chooses_the_signal() -> None:
    doc = {
        "Id": "0123",
        "State": {"Running": True, "Pid": os.getpid()},
        "Config": {"StopSignal": "SIGQUIT"},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "10.201.0.2"}}},
    }
    docker = SimpleNamespace(container=lambda _: doc)
    found = running(docker, "inference-blue", doc)  # type: ignore[arg-type]
    assert found is not None
    assert (found.stop_signal, found.id, found.address) == (signal.SIGQUIT, "0123", "10.201.0.2")
    os.close(found.pidfd)


@pytest.mark.parametrize(
    ("text", "number"),
    [("SIGTERM", 15), ("QUIT", 3), ("9", 9), ("sigusr1", 10), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("", 15),
     ("SIGNOTHING", 15), ("0", 15), ("SIGRTMIN+x", 15), ("999", 15)],
)  # fmt: skip
def test_names_of_signals(text: str, number: int) -> None:
    assert signal_of(text) == number


def test_what_has_ended_is_not_adopted_though_docker_does_not_know_yet() -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    doc = {"Id": "0123", "State": {"Running": True, "Pid": ended.pid}, "Config": {}}
    docker = SimpleNamespace(container=lambda _: doc)
    assert running(docker, "inference-blue", doc) is None  # type: ignore[arg-type]
    ended.wait()


def test_a_start_waits_for_docker(paths: Paths, monkeypatch: pytest.MonkeyPatch, config: Config) -> None:
    """It boots, or it was killed in the middle of `docker run`."""
    failures = [DockerAway(Code.PREFLIGHT, "no answer"), DockerAway(Code.GATE, "docker run: error during connect")]

    def start(*_: Any) -> Running:
        if failures:
            raise failures.pop()
        asked_later()
        return process()

    monkeypatch.setattr(module, "_start", start)
    assert module.run_slot(paths, config, "blue") == 0
    assert failures == []


@pytest.mark.parametrize("told", [True, False], ids=["told to stop", "at the deadline"])
def test_it_does_not_wait_for_docker_without_end(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, config: Config, told: bool
) -> None:
    def start(*_: Any) -> Running:
        if told:
            asked()
        raise DockerAway(Code.PREFLIGHT, "no answer")

    monkeypatch.setattr(module, "DOCKER_S", 0.5)
    monkeypatch.setattr(module, "_start", start)
    assert module.run_slot(paths, config, "blue") == (0 if told else 1)


@pytest.mark.parametrize("taken", [(), ("other",)], ids=["by nobody", "by another container"])
def test_a_port_that_docker_never_gave_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, config: Config, taken: tuple[str, ...]
) -> None:
    """A restart of Docker gives it back, once; what another container has stays its own."""
    restarts = []

    def start(*_: Any) -> Running:
        raise Failure(Code.GATE, "docker run: Bind for 127.0.0.1:18080 failed: port is already allocated.")

    monkeypatch.setattr(Dead, "publishers", lambda *_: taken, raising=False)
    monkeypatch.setattr(systemd, "restart_docker", lambda: restarts.append(1))
    monkeypatch.setattr(module, "_start", start)
    assert module.run_slot(paths, config, "blue") == 1
    assert len(restarts) == (0 if taken else 1)
