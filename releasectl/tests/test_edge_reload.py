"""A configuration that HAProxy cannot run is detected, and the previous one restored."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from releasectl.documents.host_settings import EdgeSettings
from releasectl.edge import reload as module
from releasectl.edge.reload import alerts, check_ports, reload, validate
from releasectl.model.errors import Failure

from .certificates import runtime_socket
from .conftest import StandIn


class Haproxy:
    """Stand-ins: HAProxy refuses a file with `invalid` in it; a reload starts a new process unless it has `broken`."""

    def __init__(self, folder: Path, stand_in: StandIn) -> None:
        self.folder = folder
        self.settings = EdgeSettings(str(folder / "haproxy.cfg"), str(folder / "before"), str(folder / "sock"), 0.3)
        self.config, self.before = folder / "haproxy.cfg", folder / "before"
        self.pid = folder / "pid"
        self.pid.write_text("1")
        stand_in("haproxy", 'grep -q invalid "$3" && echo "[ALERT] (7) : config : invalid" && exit 1; exit 0')
        stand_in(
            "systemctl", f"grep -q refused {self.config} && echo masked >&2 && exit 1\n"
            f"echo reload >> {folder}/reloads\n"
            f"grep -q broken {self.config} || echo $(($(cat {self.pid}) + 1)) > {self.pid}",
        )  # fmt: skip
        stand_in("journalctl", "echo Loading; echo '[ALERT] cannot bind socket (Address already in use)'")

    def answer(self, command: str) -> str:
        return f"Name: HAProxy\nPid: {self.pid.read_text().strip()}\n"

    def reloads(self) -> int:
        path = self.folder / "reloads"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def files(self) -> dict[str, str]:
        return {it.name: it.read_text() for it in (self.config, self.before) if it.exists()}


@pytest.fixture
def haproxy(tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Haproxy]:
    monkeypatch.setattr(module, "HAPROXY", "haproxy")
    double = Haproxy(tmp_path, stand_in)
    with runtime_socket(tmp_path / "sock", double.answer):
        yield double


def test_a_new_process_ends_a_reload_and_the_saved_file_goes(haproxy: Haproxy) -> None:
    haproxy.config.write_text("new\n")
    haproxy.before.write_text("old\n")
    reload(haproxy.settings, rollback=True)
    assert haproxy.files() == {"haproxy.cfg": "new\n"}
    assert haproxy.reloads() == 1


def test_a_reload_without_rollback_leaves_a_saved_file_alone(haproxy: Haproxy) -> None:
    """It may be of a first converge, in which the package started HAProxy anew."""
    haproxy.config.write_text("new broken\n")
    haproxy.before.write_text("old\n")
    with pytest.raises(Failure, match="No file was changed in this run"):
        reload(haproxy.settings, rollback=False)
    assert haproxy.files() == {"haproxy.cfg": "new broken\n", "before": "old\n"}


def test_a_process_that_does_not_start_restores_the_previous_file_and_reloads_it(haproxy: Haproxy) -> None:
    haproxy.config.write_text("new broken\n")
    haproxy.before.write_text("old\n")
    with pytest.raises(Failure, match=r"no new process answers on .* within 0\.3 s") as raised:
        reload(haproxy.settings, rollback=True)
    assert raised.value.code == 1
    assert "Address already in use" in raised.value.cause
    assert raised.value.cause.endswith("The previous process still serves. The previous file is restored.")
    assert "ansible-playbook site.yml --limit HOST --tags edge" in str(raised.value.hint)
    assert haproxy.files() == {"haproxy.cfg": "old\n"}
    assert haproxy.reloads() == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("new invalid\n", "the configuration is not valid"),
        ("new refused\n", "reload haproxy failed (masked)"),
    ],
)
def test_a_refusal_restores_the_previous_file(haproxy: Haproxy, text: str, cause: str) -> None:
    haproxy.config.write_text(text)
    haproxy.before.write_text("old\n")
    with pytest.raises(Failure) as raised:
        reload(haproxy.settings, rollback=True)
    assert cause in raised.value.cause
    assert haproxy.files() == {"haproxy.cfg": "old\n"}


def test_a_previous_file_that_does_not_run_either_is_reported(haproxy: Haproxy) -> None:
    haproxy.config.write_text("new broken\n")
    haproxy.before.write_text("old invalid\n")
    with pytest.raises(Failure, match="restored, but HAProxy does not run with it either: the configuration is not"):
        reload(haproxy.settings, rollback=True)


def test_a_port_in_use_is_found_before_haproxy_is_touched(haproxy: Haproxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        haproxy.config.write_text(f"    bind 127.0.0.1:{port}\n")
        haproxy.before.write_text("old\n")
        with pytest.raises(Failure) as raised:
            reload(haproxy.settings, rollback=True)
    assert f"Failed to bind 127.0.0.1:{port} (Address already in use). Another process has it" in raised.value.cause
    assert haproxy.files() == {"haproxy.cfg": "old\n"}
    assert haproxy.reloads() == 0
    # A port that HAProxy itself holds is no news.
    with socket.create_server(("127.0.0.1", 0)) as own:
        bind = f"    bind 127.0.0.1:{own.getsockname()[1]}\n"
        check_ports(bind + "    # another comment\n", bind)


def test_validation_saves_what_is_about_to_be_replaced(haproxy: Haproxy) -> None:
    candidate = haproxy.folder / "candidate"
    candidate.write_text("new\n")
    validate(haproxy.settings, str(candidate))
    assert haproxy.files() == {"before": "new\n"}, "somebody deleted the configuration"
    haproxy.config.write_text("old\n")
    validate(haproxy.settings, str(candidate))
    assert haproxy.files() == {"haproxy.cfg": "old\n", "before": "old\n"}


def test_a_refused_candidate_saves_nothing(haproxy: Haproxy) -> None:
    candidate = haproxy.folder / "candidate"
    candidate.write_text("invalid\n")
    with pytest.raises(Failure, match="config : invalid"):
        validate(haproxy.settings, str(candidate))
    assert haproxy.files() == {}


def test_an_ipv6_address_on_a_host_without_ipv6_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_ipv6(family: int, *more: int) -> object:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *more)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    with pytest.raises(Failure, match=r"no IPv6\. Set edge_addresses without it"):
        check_ports("    bind :::443 ssl\n", "    bind *:443 ssl\n")
    check_ports("    bind *:443 ssl\n", "    bind *:443 ssl\n")


def test_the_lines_that_matter_are_shown() -> None:
    assert alerts("[NOTICE] one\n[ALERT]  two\n  [ALERT] three\n") == "[ALERT]  two; [ALERT] three"
    assert alerts("x" * 600 + " end\n").endswith("xxx end")
