"""Images for another platform are refused after the pull, unless the host can run them all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from releasectl.host import containers, docker, listener, platform
from releasectl.host.command import Done
from releasectl.host.containers import ServiceContainers
from releasectl.host.docker import Docker
from releasectl.host.platform import Platform, emulated, emulated_by, foreign, runs
from releasectl.model.errors import Code, Failure
from releasectl.startup.http_client import Reply

from .scenarios import image
from .simulated_host import config

QEMU = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


@pytest.mark.parametrize(
    ("built", "host", "can"),
    [
        ("amd64", "amd64", True),
        ("386", "amd64", True),
        ("arm64", "amd64", False),
        ("arm", "amd64", False),
        ("arm64", "arm64", True),
        ("arm", "arm64", True),
        ("amd64", "arm64", False),
        ("s390x", "amd64", False),
        ("", "amd64", True),
        ("arm64", "", True),
    ],
)
def test_what_a_host_runs(built: str, host: str, can: bool) -> None:
    assert runs(Platform("linux", built), Platform("linux", host)) is can


def test_windows_is_another_platform() -> None:
    assert not runs(Platform("windows", "amd64"), Platform("linux", "amd64"))


def test_what_the_kernel_hands_to_an_emulator_runs(tmp_path: Path) -> None:
    (tmp_path / "qemu-aarch64").write_text(QEMU)
    (tmp_path / "python3.11").write_text("enabled\ninterpreter /usr/bin/python3.11\nflags:\noffset 0\nmagic a70d0d0a\n")
    (tmp_path / "status").write_text("enabled\n")
    assert emulated(str(tmp_path)) == {"arm64"}
    assert runs(Platform("linux", "arm64"), Platform("linux", "amd64"), emulated(str(tmp_path)))
    assert emulated_by(QEMU.replace("enabled", "disabled")) is None
    assert emulated(str(tmp_path / "missing")) == frozenset()


def pulled(monkeypatch: pytest.MonkeyPatch, architecture: str, emulators: frozenset[str]) -> list[tuple[str, ...]]:
    """The commands of a pull, by an engine on amd64, of an image that is for `architecture`."""
    commands: list[tuple[str, ...]] = []
    answers = {"/version": {"Os": "linux", "Arch": "amd64"}}

    def ask(_socket: str, _method: str, path: str, _timeout_s: float) -> Reply:
        return Reply(200, json.dumps(answers.get(path, {"Os": "linux", "Architecture": architecture})))

    def run(argv: tuple[str, ...], *_: Any) -> Done:
        commands.append(argv)
        return Done(0, "", "")

    monkeypatch.setattr(docker, "ask_socket", ask)
    monkeypatch.setattr(containers, "run", run)
    monkeypatch.setattr(platform, "emulated", lambda: emulators)
    try:
        service = ServiceContainers(
            Docker(""), config=config(), run_dir="", images_of_others=frozenset, pulse=lambda: None
        )
        service.pull(image("v1.0.0"), None, 1)
    finally:
        monkeypatch.undo()
    return commands


def test_an_image_for_this_platform_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [argv[1] for argv in pulled(monkeypatch, "amd64", frozenset())] == ["pull", "tag"]
    assert [argv[1] for argv in pulled(monkeypatch, "arm64", frozenset({"arm64"}))] == ["pull", "tag"]


def test_an_image_for_another_one_is_refused_and_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure) as raised:
        pulled(monkeypatch, "arm64", frozenset())
    failure = raised.value
    assert failure.code == Code.IMAGE
    assert "built for another platform: it is for linux/arm64, this host is linux/amd64" in failure.cause
    assert "--platform linux/amd64" in (failure.hint or "")
    assert str(foreign("x", Platform("linux", "arm64"), Platform("linux", "amd64"))) in failure.cause.replace(
        image("v1.0.0"), "x"
    )


def test_who_has_a_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    line = 'LISTEN 0 5 127.0.0.1:18081 0.0.0.0:* users:(("python3",pid=1234,fd=3))\n'
    monkeypatch.setattr(listener, "run", lambda argv, _: Done(0, line if argv[0] == "ss" else "", ""))
    assert listener.holder(18081) == "python3 (process 1234)"


def test_who_has_it_is_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "run", lambda argv, _: Done(0, "inference-green\nscoring-blue\n", ""))
    assert listener.holder(18081, "inference-green") == "container scoring-blue"


def test_not_to_know_it_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Done:
        raise Failure(Code.PREFLIGHT, "ss is not installed")

    monkeypatch.setattr(listener, "run", missing)
    assert listener.holder(18081) == ""
