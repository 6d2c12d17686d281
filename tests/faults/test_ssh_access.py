"""Hardening of sshd on a host that it has not touched: whoever would lose access is told before anything changes."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from tests.harness import host_driver as host
from tests.harness import lab, network

DROP_IN = "/etc/ssh/sshd_config.d/00-slipway.conf"
JUMP = "/etc/ssh/sshd_config.d/50-jump.conf"
PROGRAM = (lab.ROOT / "roles/baseline/files/ssh_access.py").read_text()
PASSWORD = "of-the-lab-alone"
# sshd starts itself anew for that, and listens a moment later.
RELOAD = (
    "systemctl reload ssh; sleep 0.5; timeout 10 sh -c 'until ss -Hltn sport = :22 | grep -q .; do sleep 0.1; done'"
)
OPEN = "PasswordAuthentication yes\nKbdInteractiveAuthentication yes\nPermitRootLogin yes\n"


@pytest.fixture(scope="module", autouse=True)
def fresh() -> Iterator[dict[str, object]]:
    """As its image made it: root has the same key, passwords are allowed. Given back as it was."""
    text = host.shell(f"cat {DROP_IN}")
    host.shell(f"""set -e; rm {DROP_IN}; mkdir -p /root/.ssh; cp ~admin/.ssh/authorized_keys /root/.ssh/
        echo admin:{PASSWORD} | chpasswd; usermod --unlock admin
        printf '{OPEN}' > /etc/ssh/sshd_config.d/10-image.conf; {RELOAD}""")
    yield {"path": DROP_IN, "text": text, "password": False, "behind": []}
    lab.write(DROP_IN, text)
    host.shell(f"""rm -f /root/.ssh/authorized_keys /etc/ssh/sshd_config.d/10-image.conf {JUMP}; chmod 600 {DROP_IN}
        usermod --password '!' admin; {RELOAD}""")


def command(user: str, settings: dict[str, object]) -> str:
    words = [*(["sudo", "-n"] if user != "root" else []), "python3", "-I", "-", json.dumps(settings)]
    return shlex.join(words)


def by_key(user: str, settings: dict[str, object], *options: str) -> str:
    """The problems, one after the other, as seen by a login with the lab's key."""
    *words, target = network.login(user)
    done = subprocess.run(
        [*words, *options, target, command(user, settings)], input=PROGRAM, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return " ".join(json.loads(done.stdout))


def by_password(user: str, settings: dict[str, object], interactive: bool) -> str:
    client = paramiko.Transport((network.address(), 22))
    try:
        client.start_client(timeout=10)
        if interactive:
            client.auth_interactive(user, lambda title, text, prompts: [PASSWORD for _ in prompts])
        else:
            client.auth_password(user, PASSWORD, fallback=False)
        channel = client.open_session(timeout=10)
        channel.exec_command(command(user, settings))
        channel.sendall(PROGRAM.encode())
        channel.shutdown_write()
        return " ".join(json.loads(channel.makefile().read()))
    finally:
        client.close()


def test_a_login_by_key_goes_on(fresh: dict[str, object]) -> None:
    assert by_key("admin", fresh) == ""


@pytest.mark.parametrize("interactive", [False, True], ids=["password", "keyboard-interactive"])
def test_a_login_by_password_is_told(fresh: dict[str, object], interactive: bool) -> None:
    said = by_password("admin", fresh, interactive)
    keyword = "KbdInteractiveAuthentication" if interactive else "PasswordAuthentication"
    assert f"{keyword} will be no" in said
    assert f'baseline_sshd_options: {{"{keyword}": "yes"}}' in said


@contextmanager
def settings_of_the_host(text: str) -> Iterator[None]:
    lab.write(JUMP, text)
    host.shell(RELOAD)
    try:
        yield
    finally:
        host.shell(f"rm {JUMP}; {RELOAD}")


def test_a_jump_host_is_told(fresh: dict[str, object]) -> None:
    with settings_of_the_host("AllowTcpForwarding yes\nPermitOpen 10.0.0.5:22\n"):
        said = by_key("admin", fresh)
    for words in (f"{JUMP}: AllowTcpForwarding will be local", f"{JUMP}: PermitOpen will be 127.0.0.1:*"):
        assert words in said
    assert "b is reached through it" in by_key("admin", {**fresh, "behind": ["b"]})


def test_a_session_that_goes_through_it_is_told(fresh: dict[str, object]) -> None:
    target = lab.on_host("getent", "ahostsv4", lab.AWS_NAME).split()[0]
    *words, login = network.login("admin")
    through = subprocess.Popen([*words, "-W", f"{target}:443", login], stdin=subprocess.PIPE)
    try:
        seen = f"ss -Htn state established dst {target}"
        lab.wait_until(lambda: target in host.shell(seen), "the session goes through the host")
        assert f"a session reaches {target}:443 through it now" in by_key("admin", fresh)
    finally:
        through.kill()
        through.wait()


def test_a_match_block_of_the_host_counts(fresh: dict[str, object]) -> None:
    with settings_of_the_host("Match User root\n  PermitRootLogin prohibit-password\n"):
        assert by_key("root", fresh) == ""


def test_an_option_that_sshd_does_not_know_is_told(fresh: dict[str, object]) -> None:
    said = by_key("admin", {**fresh, "text": "PermitRootLogins no\n"})
    assert "sshd rejects the configuration with baseline_sshd_options: " in said
    assert "PermitRootLogins" in said


def test_a_converge_as_root_stops_before_anything_changes(fresh: dict[str, object]) -> None:
    hour_ago = int(time.time()) - 3600
    recent = f"find /etc -newermt @{hour_ago} -type f | sort | xargs sha256sum"
    before = host.shell(recent)
    done = lab.play("site.yml", *lab.LIMIT, "--tags", "baseline", "-e", "ansible_user=root")
    assert done.code != 0
    for words in (
        "it logged in as root, and PermitRootLogin will be no",
        "with a key on this host: admin",
        "Nothing was changed",
    ):
        assert words in done.out, done.out[-3000:]
    assert done.recap[lab.HOST]["changed"] == 0
    assert host.shell(recent) == before


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
def test_who_knows_the_host_by_one_key_still_does(fresh: dict[str, object], tmp_path: object, kind: str) -> None:
    """Hardened: every host key that there was is offered, also to an entry that is hashed."""
    known = Path(str(tmp_path)) / "known_hosts"
    public = host.shell(f"cut -d' ' -f1,2 /etc/ssh/ssh_host_{kind}_key.pub")
    known.write_text(f"{network.address()} {public}")
    lab.good(lab.run("ssh-keygen", "-q", "-H", "-f", str(known)))
    lab.write(DROP_IN, str(fresh["text"]))
    host.shell(RELOAD)
    try:
        *words, target = network.login("admin")
        strict = (*words, "-o", "StrictHostKeyChecking=yes")
        mine = [f"UserKnownHostsFile={known}" if it.startswith("UserKnownHostsFile") else it for it in strict]
        lab.good(lab.run(*mine, target, "true"))
    finally:
        host.shell(f"rm {DROP_IN}; {RELOAD}")
