"""Nobody loses access by the hardening of sshd: each kind of login and gateway that would end is found beforehand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "roles/baseline/files/ssh_access.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ssh_access", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules["ssh_access"] = module
    spec.loader.exec_module(module)
    return module


access = load()
# As `sshd -T` prints it: a fresh Debian, and the same with the role's drop-in.
NOW = access.parse("""port 22
permitrootlogin without-password
pubkeyauthentication yes
passwordauthentication yes
kbdinteractiveauthentication yes
permitemptypasswords no
hostbasedauthentication no
authenticationmethods any
authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2
allowtcpforwarding yes
allowagentforwarding yes
permittunnel no
permitopen any""")
HARDENED = """permitrootlogin no
passwordauthentication no
kbdinteractiveauthentication no
allowtcpforwarding local
allowagentforwarding no
permitopen 127.0.0.1:* localhost:*"""


def hardened(**changes: str) -> dict[str, list[str]]:
    return {**NOW, **access.parse(HARDENED), **{keyword: [value] for keyword, value in changes.items()}}


def closed(
    user: str, method: str, then: dict[str, list[str]], now: dict[str, list[str]] = NOW, key: bool = True
) -> str:
    it = access.Connection(user, "192.0.2.1", "50000", "192.0.2.2", "22", method=method)
    return str(access.closed_login(it, now, then, [user, "adm"], key)[0])


@pytest.mark.parametrize(
    ("user", "method", "changes", "why"),
    [
        ("root", "publickey", {}, "PermitRootLogin will be no"),
        ("root", "", {}, "PermitRootLogin will be no"),
        ("root", "password", {"permitrootlogin": "prohibit-password"}, "logged in as root by password"),
        ("admin", "password", {}, "PasswordAuthentication will be no"),
        ("admin", "keyboard-interactive", {}, "KbdInteractiveAuthentication will be no"),
        ("admin", "none", {}, "PermitEmptyPasswords will be no"),
        ("admin", "publickey", {"authenticationmethods": "publickey,keyboard-interactive:pam"}, "Kbd"),
        ("admin", "publickey", {"authenticationmethods": "publickey,password"}, "PasswordAuthentication will be no"),
        ("admin", "publickey", {"allowusers": "ops"}, "AllowUsers will be ops, which excludes admin"),
        ("admin", "publickey", {"denyusers": "adm*"}, "DenyUsers"),
        ("admin", "publickey", {"allowgroups": "wheel"}, "AllowGroups"),
        ("admin", "publickey", {"denygroups": "adm"}, "DenyGroups"),
    ],
)
def test_a_login_that_would_end_is_found(user: str, method: str, changes: dict[str, str], why: str) -> None:
    assert why in closed(user, method, hardened(**changes))


@pytest.mark.parametrize(
    ("user", "method", "changes"),
    [
        ("admin", "publickey", {}),
        ("admin", "", {}),
        ("admin", "gssapi-with-mic", {}),
        # A Match block of the host that lets them in counts: sshd -T has resolved it.
        ("root", "publickey", {"permitrootlogin": "prohibit-password"}),
        ("admin", "password", {"passwordauthentication": "yes"}),
        ("admin", "publickey", {"authenticationmethods": "publickey,password publickey"}),
        ("admin", "publickey", {"allowusers": "ops admin@192.0.2.*"}),
        ("admin", "publickey", {"allowgroups": "adm"}),
    ],
)
def test_a_login_that_goes_on_is_let_be(user: str, method: str, changes: dict[str, str]) -> None:
    assert closed(user, method, hardened(**changes)) == ""


def test_what_a_host_itself_limits_is_not_ours() -> None:
    assert closed("admin", "publickey", hardened(allowusers="ops"), {**NOW, "allowusers": ["ops"]}) == ""


def test_without_a_key_and_without_a_word_of_the_login_it_was_a_password() -> None:
    assert "admin has no key in .ssh/authorized_keys" in closed("admin", "", hardened(), key=False)
    assert closed("admin", "publickey", hardened(), key=False) == "", "its key is a certificate, or a command has it"
    assert "has no key" in closed("admin", "publickey", hardened(authorizedkeysfile="/etc/keys/%u"), key=False)


GATEWAYS = {
    "AllowTcpForwarding yes": "AllowTcpForwarding will be local",
    "allowtcpforwarding=all": "AllowTcpForwarding will be local",
    "PermitOpen 10.0.0.5:22": "PermitOpen will be 127.0.0.1:*",
    "AllowAgentForwarding yes": "AllowAgentForwarding will be no",
    "PermitTunnel point-to-point": "PermitTunnel will be no",
    "Match User hop\n  AllowTcpForwarding yes": "Match User hop forwards",
}


@pytest.mark.parametrize("text", GATEWAYS)
def test_a_host_that_is_a_gateway_by_its_own_settings_is_found(text: str) -> None:
    found = access.blocks("/etc/ssh/sshd_config.d/50-jump.conf", f"# a comment\n{text}\n")
    (problem,) = access.closed_gateway(found, hardened(permittunnel="no"))
    assert problem.startswith("/etc/ssh/sshd_config.d/50-jump.conf: ")
    assert GATEWAYS[text] in problem


@pytest.mark.parametrize(
    "text",
    [
        "#AllowTcpForwarding yes",
        "AllowTcpForwarding no",
        "AllowTcpForwarding local",
        "PermitOpen none",
        "X11Forwarding yes",
        "Match User hop\n  AllowTcpForwarding yes\n  PermitOpen 10.0.0.5:22",
        "Match User guest\n  AllowTcpForwarding no",
    ],
)
def test_what_stays_as_it_is_is_no_gateway_that_ends(text: str) -> None:
    assert access.closed_gateway(access.blocks("file", text), hardened()) == []


@pytest.mark.parametrize("text", GATEWAYS)
def test_a_gateway_that_is_kept_is_let_be(text: str) -> None:
    kept = hardened(allowtcpforwarding="yes", permitopen="any", allowagentforwarding="yes", permittunnel="yes")
    if "PermitOpen" in text:
        kept = hardened(permitopen="10.0.0.5:22")
    assert access.closed_gateway(access.blocks("file", text), kept) == []


def test_a_session_that_goes_through_the_host_now_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "uid_of", lambda pid: {"7": 1000, "8": 0, "9": 1000}[pid])
    sockets = """0 0 192.0.2.2:22 192.0.2.1:50000 users:(("sshd",pid=7,fd=4),("sshd",pid=8,fd=4))
0 0 10.0.0.2:40000 10.0.0.5:5432 users:(("sshd",pid=7,fd=9))
0 0 10.0.0.2:40001 10.0.0.9:389 users:(("sshd",pid=8,fd=9))
0 0 127.0.0.1:40002 127.0.0.1:8405 users:(("sshd-session",pid=9,fd=9))
0 0 10.0.0.2:40003 10.0.0.7:443 users:(("curl",pid=9,fd=3))"""
    assert access.forwarded(sockets, ["22"]) == ["10.0.0.5:5432"]


def test_the_connection_is_that_of_the_process_above(tmp_path: Path) -> None:
    """sudo hides it from its children; USER is who has logged in."""
    for pid, parent, environment in (
        ("self", "9", b"SUDO_USER=admin\0"),
        ("9", "7", b"USER=root\0"),
        ("7", "5", b"USER=admin\0SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 2222\0"),
        ("5", "1", b""),
        ("1", "0", b""),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_bytes(environment)
        (tmp_path / pid / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
    pids = ("9", "7", "5", "1")
    assert access.connection(tmp_path) == access.Connection("admin", "192.0.2.1", "50000", "192.0.2.2", "2222", pids)
    assert access.connection(tmp_path, "5") is None


def test_the_method_is_that_of_this_connection() -> None:
    it = access.Connection("admin", "192.0.2.1", "50000", "192.0.2.2", "22")
    log = """Accepted password for admin from 192.0.2.1 port 5000 ssh2
Accepted publickey for root from 192.0.2.1 port 50000 ssh2: ED25519 SHA256:x
Partial publickey for admin from 192.0.2.1 port 50000 ssh2
Accepted keyboard-interactive/pam for admin from 192.0.2.1 port 50000 ssh2"""
    assert access.login_method(log, it) == "keyboard-interactive"
    assert access.login_method("", it) == ""


def test_the_copy_reads_the_new_drop_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etc = tmp_path / "ssh"
    (etc / "sshd_config.d").mkdir(parents=True)
    (etc / "sshd_config.d/00-slipway.conf").write_text("old")
    (etc / "sshd_config.d/50-cloud.conf").write_text("cloud")
    (etc / "sshd_config").write_text(
        f"Include {etc}/sshd_config.d/*.conf\ninclude sshd_config.d/*.conf /other/*\nPort 22\n"
    )
    monkeypatch.setattr(access, "SSH_DIR", etc)
    copy = tmp_path / "copy"
    copy.mkdir()
    main = access.copy_with(etc / "sshd_config.d/00-slipway.conf", "new", copy)
    there = f"{copy}/sshd_config.d/*.conf"
    assert main.read_text() == f"Include {there}\ninclude {there} /other/*\nPort 22\n"
    assert {it.name: it.read_text() for it in (copy / "sshd_config.d").iterdir()} == {
        "00-slipway.conf": "new",
        "50-cloud.conf": "cloud",
    }
    assert (etc / "sshd_config.d/00-slipway.conf").read_text() == "old"


def test_the_message_says_who_stays_and_what_keeps_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    me: Any = access.pwd.getpwuid(0)
    monkeypatch.setattr(access.pwd, "getpwall", lambda: [me])
    monkeypatch.setattr(access, "keys", lambda config, user: ["ssh-ed25519 AAAA"])
    it = access.Connection("root", "192.0.2.1", "50000", "192.0.2.2", "22", method="publickey")
    (message,) = access.login_problems(it, NOW, hardened())
    for words in ("logged in as root", "inventory/<env>/group_vars/inference.yml", "baseline_users",
                  'baseline_sshd_options: {"PermitRootLogin": "prohibit-password"}'):  # fmt: skip
        assert words in message
