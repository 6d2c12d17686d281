"""A host of the fleet makes itself and leaves: what Auto Scaling is told, whatever happens."""

from __future__ import annotations

import importlib.util
import io
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import ROOT

FILE = ROOT / "terraform/modules/fleet/files/converge.py"


class Aws:
    """Both clients that the script uses: a bucket with one bundle, and the group."""

    def __init__(self, bundle: bytes) -> None:
        self.bundle = bundle
        self.told: list[tuple[str, str]] = []
        self.heartbeats = 0
        self.no_hook = False

    def download_file(self, bucket: str, key: str, path: str) -> None:
        assert (bucket, key) == ("bundles", "current.tar.gz")
        Path(path).write_bytes(self.bundle)

    def record_lifecycle_action_heartbeat(self, **call: str) -> None:
        assert (call["LifecycleHookName"], call["InstanceId"]) == ("join", "i-1")
        self.heartbeats += 1

    def complete_lifecycle_action(self, **call: str) -> None:
        if self.no_hook:
            raise RuntimeError("No active Lifecycle Action found")
        self.told.append((call["LifecycleHookName"], call["LifecycleActionResult"]))


def bundle(program: str, name: str = "converge") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.size = 0o755, len(program)
        tar.addfile(entry, io.BytesIO(program.encode()))
    return out.getvalue()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("converge", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "metadata", lambda path: "Terminated" if "lifecycle" in path else "i-1")
    return module


def settings(**more: Any) -> dict[str, Any]:
    return {
        "region": "eu-central-1",
        "group": "slipway-dev",
        "service": "inference",
        "wanted": "/slipway/slipway-dev/inference/wanted",
        "bundle": "s3://bundles/current.tar.gz",
        "hooks": {"launching": "join", "terminating": "drain"},
        "timeout": 20,
        **more,
    }


def join(script: ModuleType, monkeypatch: pytest.MonkeyPatch, content: bytes, **more: Any) -> tuple[int, Aws]:
    aws = Aws(content)
    monkeypatch.setattr(script, "client", lambda service, region: aws)
    return script.join(settings(**more)), aws


def test_a_host_that_serves_goes_into_service(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    code, aws = join(script, monkeypatch, bundle(f'#!/bin/sh\necho "$@" > {said}\n'))
    assert code == 0 and aws.told == [("join", "CONTINUE")]
    assert said.read_text().split() == ["--service", "inference", "--wanted", "/slipway/slipway-dev/inference/wanted"]


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (bundle("#!/bin/sh\nexit 3\n"), {}),
        (bundle("#!/bin/sh\nsleep 30\n"), {"timeout": 0.2}),
        (bundle("", name="readme"), {}),
        (bundle("#!/bin/sh\n", name="../converge"), {}),
        (b"not an archive", {}),
    ],
    ids=["fails", "hangs", "no-program", "reaches-out-of-its-folder", "no-archive"],
)
def test_a_host_that_cannot_is_abandoned(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    more: dict[str, Any],
) -> None:
    code, aws = join(script, monkeypatch, content, **more)
    assert code == 1 and aws.told == [("join", "ABANDON")]
    assert "Failed to converge this host" in capsys.readouterr().err


def test_the_hook_does_not_end_while_a_host_is_at_work(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "HEARTBEAT_S", 0.2)
    code, aws = join(script, monkeypatch, bundle("#!/bin/sh\nsleep 1\n"))
    assert code == 0 and aws.told == [("join", "CONTINUE")]
    assert aws.heartbeats >= 2


def test_a_reboot_in_service_converges_without_a_hook(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a host that is too late says so, instead of a stack trace."""
    aws = Aws(bundle("#!/bin/sh\n"))
    aws.no_hook = True
    monkeypatch.setattr(script, "client", lambda service, region: aws)
    assert script.join(settings()) == 0
    assert "Failed to tell Auto Scaling CONTINUE: No active Lifecycle Action found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("edges", "asked"),
    [(["7", "7", "7", "9"], 4), (["7"] * 50, None), (["0"], 1)],
    ids=["ends", "does-not-end", "is-not-there"],
)
def test_a_leaving_host_ends_its_work_first(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, edges: list[str], asked: int | None
) -> None:
    """The edge is asked to end softly, then waited for: until its process is another or gone, or the time is up."""
    aws = Aws(b"")
    clock = iter(range(1000))
    seen: list[str] = []
    told_when_asked: list[int] = []
    monkeypatch.setattr(script, "client", lambda service, region: aws)
    monkeypatch.setattr(script.subprocess, "run", lambda command, **_: told_when_asked.append(len(aws.told)))

    def edge() -> str:
        seen.append("")
        return edges[min(len(seen), len(edges)) - 1]

    monkeypatch.setattr(script, "edge", edge)
    monkeypatch.setattr(script.time, "sleep", lambda _: None)
    monkeypatch.setattr(script.time, "monotonic", lambda: next(clock))
    assert script.leave(settings(drain=20)) == 0
    assert told_when_asked == [0] and aws.told == [("drain", "CONTINUE")]
    assert len(seen) == asked if asked else len(seen) > 15


def test_it_says_how_to_be_called(script: ModuleType) -> None:
    assert script.main(["stay"]) == 2
