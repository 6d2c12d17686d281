"""fab reaches a host as ssh would, by its keys, agents, known_hosts, jump hosts and settings; else it says why not."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tools.inventory import Target
from tools.ssh_access import connect, public_blob
from tools.ssh_options import Refused, options, proxy

PASSPHRASE = "sesame"


class Door(paramiko.ServerInterface):
    """Lets in who has one of these keys; after three that it does not know it hangs up, as sshd does."""

    def __init__(self, server: Server) -> None:
        self.server, self.failures = server, 0

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if username == "admin" and self.failures < 3 and key.get_base64() in self.server.lets_in:
            return int(paramiko.AUTH_SUCCESSFUL)
        self.failures += 1
        return int(paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


class Server:
    """An SSH server on loopback."""

    def __init__(self, host_key: paramiko.PKey) -> None:
        self.host_key, self.lets_in = host_key, set[str]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.line = f"{host_key.get_name()} {host_key.get_base64()}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                end, _ = self.listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(end)
            transport.add_server_key(self.host_key)
            try:
                transport.start_server(server=Door(self))
            except (paramiko.SSHException, EOFError):
                transport.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files: host, plain, locked (with a passphrase), other1 to other4."""
    folder = tmp_path_factory.mktemp("it's 100% my keys")
    for name in ("host", "plain", "locked", "other1", "other2", "other3", "other4"):
        phrase = PASSPHRASE if name == "locked" else ""
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True, timeout=30)
    return folder


@pytest.fixture
def server(keys: Path) -> Iterator[Server]:
    made = Server(paramiko.PKey.from_path(keys / "host"))
    yield made
    made.listener.close()


@pytest.fixture
def agent(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A running ssh-agent, empty, in SSH_AUTH_SOCK."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    yield path
    process.terminate()
    process.wait(10)


def add(*paths: Path) -> None:
    asker = paths[0].parent / "askpass"
    asker.write_text(f"#!/bin/sh\necho {PASSPHRASE}\n")
    asker.chmod(0o700)
    more = {"SSH_ASKPASS": str(asker), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    words = ["ssh-add", "-q", *map(str, paths)]
    subprocess.run(words, env={**os.environ, **more}, stdin=subprocess.DEVNULL, check=True, timeout=30)


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def known(tmp_path: Path, server: Server) -> Path:
    """A known_hosts file that has the server, in a folder with a space and more."""
    path = tmp_path / "it's 100% #1" / "known_hosts"
    path.parent.mkdir()
    path.write_text(f"[127.0.0.1]:{server.port} {server.line}\n")
    return path


def said(name: str, value: Path | str) -> str:
    """An argument of ssh's, as an inventory has to write it."""
    return "-o " + shlex.quote(f'{name}="{str(value).replace("%", "%%")}"')


def target(server: Server, *words: str, key: Path | None = None) -> Target:
    # Nothing of this machine's own settings.
    args = ["-F", "/dev/null", "-o GlobalKnownHostsFile=/dev/null", *words]
    return Target(
        "inference-1", "127.0.0.1", port=server.port, user="admin", key=str(key).replace("%", "%%") if key else "",
        ssh_args=" ".join(args),
    )  # fmt: skip


def reaches(it: Target) -> bool:
    with connect(it) as connection:
        return bool(connection.transport.is_authenticated())


def test_a_key_file(server: Server, known: Path, keys: Path) -> None:
    server.lets_in = {paramiko.PKey.from_path(keys / "plain").get_base64()}
    assert reaches(target(server, said("UserKnownHostsFile", known), key=keys / "plain"))


def test_a_key_with_a_passphrase_is_used_from_the_agent_or_named(
    server: Server, known: Path, keys: Path, agent: Path
) -> None:
    server.lets_in = {(keys / "locked.pub").read_text().split()[1]}
    it = target(server, said("UserKnownHostsFile", known), key=keys / "locked")
    with pytest.raises(
        Refused, match=r"authentication failed for .* has a passphrase and is not in the agent: ssh-add"
    ):
        connect(it)
    add(keys / "locked")
    assert reaches(it)


def test_of_an_agent_with_many_keys_the_named_one_is_first(
    server: Server, known: Path, keys: Path, agent: Path
) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    add(*(keys / f"other{number}" for number in range(1, 5)), keys / "plain")
    assert reaches(target(server, said("UserKnownHostsFile", known), key=keys / "plain"))
    assert reaches(target(server, said("UserKnownHostsFile", known), "-o IdentitiesOnly=yes", key=keys / "plain.pub"))
    with pytest.raises(Refused, match="SSH authentication failed"):
        connect(target(server, said("UserKnownHostsFile", known), "-o IdentitiesOnly=yes", key=keys / "other1"))


def test_a_key_that_only_the_agent_has(server: Server, known: Path, keys: Path, agent: Path, tmp_path: Path) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    add(keys / "other1", keys / "plain")
    (tmp_path / "elsewhere.pub").write_text((keys / "plain.pub").read_text())
    words = said("UserKnownHostsFile", known)
    assert reaches(target(server, words, key=tmp_path / "elsewhere"))
    assert reaches(target(server, words, "-o IdentityFile=none"))
    with pytest.raises(Refused, match="SSH authentication failed"):
        connect(target(server, words, "-o IdentityAgent=none -o IdentityFile=none"))
    os.environ["SSH_AUTH_SOCK"] = "/nowhere"
    assert reaches(target(server, words, said("IdentityAgent", agent), "-o IdentityFile=none"))


def test_known_hosts_in_every_form(server: Server, known: Path, keys: Path, tmp_path: Path) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text(), "not hashed"
    assert reaches(target(server, said("UserKnownHostsFile", known), key=keys / "plain"))
    for line, words in (
        (f"a-name {server.line}", "-o HostKeyAlias=a-name"),
        (f"[127.0.0.*]:{server.port} {server.line}", ""),
        (f"other ssh-rsa AAAA\n[127.0.0.1]:{server.port} {server.line}", ""),
    ):
        known.write_text(f"{line}\n")
        assert reaches(target(server, said("UserKnownHostsFile", known), words, key=keys / "plain"))
        # In this one ssh knows no tokens.
        system = shlex.quote(f'GlobalKnownHostsFile="{known}"')
        everyone = f"-F /dev/null -o UserKnownHostsFile=/dev/null -o {system} {words}"
        it = Target("a", "127.0.0.1", server.port, "admin", str(keys / "plain").replace("%", "%%"), everyone)
        assert reaches(it)
    several = "-o " + shlex.quote(f'UserKnownHostsFile={tmp_path}/none "{str(known).replace("%", "%%")}"')
    assert reaches(target(server, several, key=keys / "plain"))


@pytest.mark.parametrize(
    ("lines", "words", "why"),
    [
        ("", "", "is not in known_hosts"),
        ("", "-o StrictHostKeyChecking=no", "ignores StrictHostKeyChecking=no"),
        ("{host} {other}", "", "does not match known_hosts"),
        ("{host} {other}", "-o StrictHostKeyChecking=accept-new", "does not match known_hosts"),
        ("{host} {other}", "-o StrictHostKeyChecking=no", "does not match known_hosts"),
        ("@cert-authority {host} {other}", "", "@cert-authority"),
        ("@cert-authority {host} {other}", "-o StrictHostKeyChecking=accept-new", "@cert-authority"),
        ("{host} {own}\n@revoked {host} {own}", "", "is revoked in known_hosts"),
        ("{host} {own}", "-o RevokedHostKeys=/nowhere", "RevokedHostKeys"),
        ("{host} {own}", "-o KnownHostsCommand=/bin/true", "KnownHostsCommand"),
        ("{host} {own}", "-o BindAddress=127.0.0.2", "BindAddress"),
        ("{host} {own}", "-o NoSuchOption=1", "ssh rejects the arguments of the inventory: .*nosuchoption"),
        ("{host} {own}", "-o 'ProxyCommand=nc", "invalid SSH arguments"),
        ("{host} {own}", "-o 'ProxyCommand=exit 3'", "failed to connect to .*exited.* .ProxyCommand: exit 3"),
    ],
)
def test_who_is_refused_and_why(server: Server, known: Path, keys: Path, lines: str, words: str, why: str) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    other = " ".join((keys / "other1.pub").read_text().split()[:2])
    known.write_text(lines.format(host=f"[127.0.0.1]:{server.port}", own=server.line, other=other) + "\n")
    before = known.read_text()
    with pytest.raises(Refused, match=why) as caught:
        connect(target(server, said("UserKnownHostsFile", known), words, key=keys / "plain"))
    assert "\n" not in str(caught.value)
    assert known.read_text() == before


def test_a_new_host_is_taken_and_kept_where_the_options_say_so(server: Server, keys: Path, tmp_path: Path) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    path = tmp_path / "new folder" / "known_hosts"
    it = target(server, said("UserKnownHostsFile", path), "-o StrictHostKeyChecking=accept-new", key=keys / "plain")
    assert reaches(it)
    assert path.read_text() == f"[127.0.0.1]:{server.port} {server.line}\n"
    assert reaches(it)
    assert len(path.read_text().splitlines()) == 1


def test_a_proxy_command_is_the_shell_s(server: Server, known: Path, keys: Path, tmp_path: Path) -> None:
    server.lets_in = {(keys / "plain.pub").read_text().split()[1]}
    carry = tmp_path / "it's a way"
    carry.write_text(
        "#!/usr/bin/env python3\nimport os, socket, sys, threading\n"
        "end = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n    while data := os.read(0, 65536): end.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\nwhile data := end.recv(65536): os.write(1, data)\n"
    )
    carry.chmod(0o700)
    command = "-o " + shlex.quote(f"ProxyCommand={shlex.quote(str(carry)).replace('%', '%%')} %h %p 2>/dev/null")
    assert reaches(target(server, said("UserKnownHostsFile", known), command, key=keys / "plain"))


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("-J ops@bastion", "ssh -o BatchMode=yes -F /dev/null -W '[10.0.0.1]:22' ssh://ops@bastion"),
        (
            "-o ProxyJump=one,ops@two:2222",
            "ssh -o BatchMode=yes -F /dev/null -J one -W '[10.0.0.1]:22' ssh://ops@two:2222",
        ),
        ("-o ProxyCommand='nc -x %% %h %p %r'", "nc -x % 10.0.0.1 22 admin"),
        ("-o ProxyJump=none", ""),
    ],
)
def test_the_way_to_a_host_is_what_ssh_itself_runs(words: str, command: str) -> None:
    assert proxy(options(Target("one", "10.0.0.1", user="admin", ssh_args=f"-F /dev/null {words}"))) == command


def test_the_person_s_own_settings_count(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host prod-*\n  HostName 10.9.9.9\n  Port 2222\n  User ops\n  IdentityFile ~/.ssh/prod\n  HostKeyAlias prod\n"
        "  ProxyJump bastion\n  IdentitiesOnly yes\n"
    )
    found = options(Target("one", "prod-1", ssh_args=f"-F {config}"))
    assert (found.host, found.port, found.user, found.known_as) == ("10.9.9.9", 2222, "ops", "prod")
    assert [found.expand(it) for it in found.values["identityfile"]] == [os.path.expanduser("~/.ssh/prod")]
    assert proxy(found).endswith("ssh://bastion")
    # What the inventory says comes first, as Ansible gives it.
    found = options(Target("one", "prod-1", port=2200, user="admin", key="/k", ssh_args=f"-F {config}"))
    assert (found.port, found.user, found.values["identityfile"][0]) == (2200, "admin", "/k")


def test_files_are_named_as_ssh_names_them() -> None:
    home = os.path.expanduser("~")
    words = """-F /dev/null -o 'UserKnownHostsFile="/a b/c%%d" ~/e /f/%h'"""
    found = options(Target("one", "h", user="u", ssh_args=words))
    assert found.files("userknownhostsfile") == ["/a b/c%d", f"{home}/e", "/f/h"]
    assert found.expand("~/%u@%%%h:%p/${HOME}") == f"{home}/{getpass.getuser()}@%h:22/{home}"
    with pytest.raises(Refused, match="%Z"):
        found.expand("/a/%Z")


def test_the_public_half_of_a_locked_key_is_found(keys: Path, tmp_path: Path) -> None:
    blob = public_blob(str(keys / "locked"))
    (tmp_path / "locked").write_text((keys / "locked").read_text())
    assert public_blob(str(tmp_path / "locked")) == blob is not None
    assert public_blob(str(tmp_path / "none")) is None
