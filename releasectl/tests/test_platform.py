"""Images for another platform are refused, before the pull or after it, unless the host can run them all the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from releasectl.host import containers, docker, listener, platform, systemd
from releasectl.host.command import Done
from releasectl.host.containers import ServiceContainers
from releasectl.host.docker import Docker
from releasectl.host.docker_commands import run_failure
from releasectl.host.paths import Paths
from releasectl.host.platform import Platform, emulated, emulated_by, foreign, listed, none_runs, runs
from releasectl.host.process import EngineProcess
from releasectl.host.units import SlotUnits
from releasectl.model.errors import Code, Failure
from releasectl.model.rollout_options import RegistryAuth
from releasectl.startup.http_client import Reply

from .scenarios import check_consistent, check_idle, image, publish, request, with_live
from .simulated_host import SimulatedHost, config
from .simulation import Simulation, engine_of

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
        assert not path.startswith("/distribution/"), "a deploy has asked the registry already, in preflight"
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
    assert str(foreign("x", (Platform("linux", "arm64"),), Platform("linux", "amd64"))) in failure.cause.replace(
        image("v1.0.0"), "x"
    )


# What Docker answers for an index that BuildKit pushed for two platforms, with their attestations.
BOTH = [
    {"architecture": "amd64", "os": "linux"},
    {"architecture": "arm64", "os": "linux", "variant": "v8"},
    {"architecture": "unknown", "os": "unknown"},
    {"architecture": "unknown", "os": "unknown"},
]


def test_what_an_index_lists_is_named_once_and_without_attestations() -> None:
    assert listed(BOTH) == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert listed([*BOTH, {"architecture": "arm64", "os": "linux", "variant": "v7"}]) == listed(BOTH)
    # Docker names none for a manifest of OCI that no index lists.
    assert listed(None) == listed([]) == ()
    assert not none_runs((), Platform("linux", "amd64"))


def checked(
    monkeypatch: pytest.MonkeyPatch,
    answer: Reply,
    emulators: frozenset[str] = frozenset(),
    auth: RegistryAuth | None = None,
) -> Mapping[str, str]:
    """The headers with which Docker was asked for the platforms, on amd64. Raises Failure."""
    sent: dict[str, str] = {}

    def ask(_socket: str, method: str, path: str, timeout_s: float, *, headers: Mapping[str, str]) -> Reply:
        assert (method, path, timeout_s) == ("GET", f"/distribution/{image('v1.0.0')}/json", 4)
        sent.update(headers)
        return answer

    version = Reply(200, json.dumps({"Os": "linux", "Arch": "amd64"}))
    monkeypatch.setattr(containers, "ask_socket", ask)
    monkeypatch.setattr(docker, "ask_socket", lambda *_: version)
    monkeypatch.setattr(platform, "emulated", lambda: emulators)
    service = ServiceContainers(Docker(""), config=config(), run_dir="", images_of_others=frozenset, pulse=lambda: None)
    service.check_platforms(image("v1.0.0"), auth, 4)
    return sent


def answered(*platforms: Mapping[str, str]) -> Reply:
    return Reply(200, json.dumps({"Descriptor": {}, "Platforms": list(platforms) or None}))


def test_before_the_pull_the_platforms_of_the_registry_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    s390x = {"architecture": "s390x", "os": "linux"}
    with pytest.raises(Failure) as raised:
        checked(monkeypatch, answered(*BOTH[1:], s390x))
    assert raised.value.code == Code.IMAGE
    assert "it is for linux/arm64 and linux/s390x, this host is linux/amd64" in raised.value.cause
    assert "--platform linux/amd64" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "answer",
    [
        answered(*BOTH),
        answered(),
        # The pull meets the same and says what it means.
        Reply(401, '{"message": "unauthorized"}'),
        Reply(500, '{"message": "toomanyrequests"}'),
        Reply(0, "no answer within 4 s"),
    ],
)
def test_what_may_run_is_pulled(monkeypatch: pytest.MonkeyPatch, answer: Reply) -> None:
    assert checked(monkeypatch, answer) == {}


def test_an_emulator_counts_before_the_pull_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked(monkeypatch, answered(*BOTH[1:]), frozenset({"arm64"}))


def test_docker_asks_the_registry_with_the_token_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    # Characters that base64 writes as + and /, which this header must not have.
    auth = RegistryAuth("AWS", "~~~???>>>")
    header = checked(monkeypatch, answered(*BOTH), auth=auth)["X-Registry-Auth"]
    assert not set(header) & {"+", "/", "\n"}
    assert json.loads(base64.urlsafe_b64decode(header)) == {"username": "AWS", "password": "~~~???>>>"}


class TestEngine:
    def test_nothing_starts_for_an_image_of_another_platform(self) -> None:
        host = publish(with_live("v1.0.0", "v2.0.0"), "v3.0.0", foreign=True)
        host.hooks = frozenset({"pre-deploy"})
        before, simulation = host.copy(), Simulation(host)
        result = engine_of(simulation).deploy(request("v3.0.0"))
        assert (result.code, result.outcome, result.changed) == (Code.IMAGE, "failed", False)
        assert "built for another platform" in (result.cause or "")
        assert [name for name, _ in result.phases] == ["lock", "recover", "preflight"]
        assert not {"pull_image", "begin_journal", "run_hook", "stop_unit", "start_unit"} & set(simulation.calls)
        assert (host.history, host.state, host.units) == (before.history, before.state, before.units)
        check_consistent(host)
        check_idle(host)

    def test_no_prefetch_of_it_either(self) -> None:
        host = publish(with_live("v1.0.0"), "v2.0.0", foreign=True)
        simulation = Simulation(host)
        for dry_run in (True, False):
            result = engine_of(simulation).prefetch({"image": image("v2.0.0")}, dry_run)
            assert (result.code, result.changed) == (Code.IMAGE, False)
        assert "pull_image" not in simulation.calls

    def test_the_registry_is_not_asked_for_an_image_that_is_here(self) -> None:
        host = publish(SimulatedHost(), "v1.0.0")
        engine_of(Simulation(host)).prefetch({"image": image("v1.0.0")})
        simulation = Simulation(host)
        assert engine_of(simulation).deploy(request("v1.0.0")).outcome == "live"
        assert "check_platforms" not in simulation.calls


def test_who_has_a_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    line = 'LISTEN 0 5 127.0.0.1:18081 0.0.0.0:* users:(("python3",pid=1234,fd=3))\n'
    monkeypatch.setattr(listener, "run", lambda argv, _: Done(0, line if argv[0] == "ss" else "", ""))
    assert listener.holder(18081) == "python3 (process 1234)"


def test_who_has_it_is_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "run", lambda argv, _: Done(0, "inference-green\nscoring-blue\n", ""))
    assert listener.holder(18081, "inference-green") == "container scoring-blue"


def test_the_engine_names_whom_run_slot_does_not_see(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It runs in a sandbox, which shows it no processes of others."""

    def start(*_: Any) -> None:
        raise run_failure("bind: address already in use", 18081, lambda: "")

    monkeypatch.setattr(systemd, "start_unit", start)
    monkeypatch.setattr(listener, "holder", lambda *at: f"python3 of {at}")
    units = SlotUnits(Paths(str(tmp_path)), config(), EngineProcess("inference"))
    with pytest.raises(Failure, match=r"is in use by python3 of \(18081, 'inference-green'\);") as raised:
        units.start("green", 1)
    assert raised.value.code == Code.GATE


def test_not_to_know_it_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> Done:
        raise Failure(Code.PREFLIGHT, "ss is not installed")

    monkeypatch.setattr(listener, "run", missing)
    assert listener.holder(18081) == ""
