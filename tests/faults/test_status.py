"""
Each incident as the status tells it: whether clients are served comes first, with the cause and the command that fixes
it. The command is run as it is printed, and then the status is clean.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.daemons import docker_answers

TIMER, WATCHDOG = host.TIMERS.split()
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/slipway-haproxy"
CONFIG = "/etc/haproxy/haproxy.cfg"
CERTIFICATE = f"/etc/haproxy/certs/{lab.NAME}.pem"
# A timer whose unit were masked would fail.
IDLE = ("/run/systemd/system/slipway-recover@.service.d", "/run/systemd/system/slipway-watchdog@.service.d")
NOT_SERVING = "inference  NOT SERVING: "


@pytest.fixture(autouse=True)
def timer(services: None) -> Iterator[None]:
    """
    On, or each status would tell that they are not; no test leaves recovery the time to repair what it broke. Nobody
    cuts the registry off meanwhile.
    """
    host.shell(f"systemctl start {host.TIMERS}")
    yield
    host.shell(f"systemctl stop {host.TIMERS}")


@contextmanager
def broken(script: str, undo: str) -> Iterator[None]:
    """Recovery does not run meanwhile: the status is what is tested. `undo` is for a test that fails."""
    for idle in IDLE:
        host.shell(f"mkdir -p {idle} && printf '[Service]\\nExecStart=\\nExecStart=/bin/true\\n' > {idle}/test.conf")
    host.shell(f"systemctl daemon-reload; {script}")
    try:
        yield
    finally:
        host.shell(f"rm -r {' '.join(IDLE)}; systemctl daemon-reload; {undo}", check=False)
        host.releasectl("recover")


def first_line() -> str:
    return lab.status_text().splitlines()[0]


def code() -> int:
    return lab.on_host_code("releasectl", "status")


def fix_of(text: str) -> str:
    return text.partition("Fix: ")[2].removesuffix(" (containers keep running)")


def run_fix(text: str) -> None:
    """As root, and on the controller where the command is one of Ansible."""
    command = fix_of(text)
    if command.startswith("ansible-playbook "):
        lab.good(lab.play(*shlex.split(command)[1:]))
    else:
        host.shell(command.replace("sudo ", ""))


def clean() -> None:
    lab.wait_until(lambda: lab.status()["troubles"] == [] and code() == 0, 20, "the status is clean")
    assert first_line().startswith("inference  serving: "), first_line()


def troubles() -> list[str]:
    return [str(it) for it in lab.status()["troubles"]]


def test_a_good_host_serves() -> None:
    clean()
    doc = lab.status()
    assert (doc["serving"], doc["serving_cause"]) == (True, None)
    assert doc["client"]["version"] == host.live()


def test_maintenance_names_whom_to_ask() -> None:
    host.good(host.releasectl("maintenance", "on", "--by", "ops@jump", "--reason", "disk swap, back at 14:00"))
    try:
        line = first_line()
        assert line.startswith(f"{NOT_SERVING}maintenance since ")
        assert line.endswith("by ops@jump: disk swap, back at 14:00. Ask them, then: sudo releasectl maintenance off")
        assert code() == 2
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "maintenance")
        assert answer.json()["message"] == "inference is in maintenance."
        refused = host.releasectl("maintenance", "off", "--by", "bob")
        assert refused.code == 2
        assert "by ops@jump: disk swap, back at 14:00: bob did not begin it" in refused.cause
    finally:
        host.good(host.releasectl("maintenance", "off", "--by", "ops@jump"))
    clean()
    told = [(it["kind"], it["outcome"], it["by"]) for it in lab.history()[:2]]
    assert told == [("maintenance", "off", "ops@jump"), ("maintenance", "on", "ops@jump")]


def test_the_running_map_differs_from_the_record() -> None:
    slot = lab.state()["live"]["slot"]
    command = f"set map {host.HOME}/live.map live none\n"
    words = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); s.sendall({command.encode()!r}); s.recv(99)"  # noqa: E501
    with broken("true", "true"):
        lab.on_host("python3", "-c", words)
        line = first_line()
        assert line == (f"{NOT_SERVING}HAProxy routes to none, the record says {slot}. Fix: sudo releasectl recover")
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "no_live_release")
        run_fix(line)
        clean()


def test_haproxy_does_not_start_with_its_configuration() -> None:
    save, back = f"cp -p {CONFIG} /run/saved.cfg", f"cp -p /run/saved.cfg {CONFIG}; systemctl restart haproxy"
    spoil = f"sed -i '0,/maxconn/s//maxcon/' {CONFIG}; systemctl restart haproxy || true"
    with broken(f"{save}; {spoil}", back):
        line = first_line()
        assert line.startswith(f"{NOT_SERVING}haproxy.cfg:"), line
        assert "unknown keyword 'maxcon' in 'global' section" in line
        assert f"--limit {lab.HOST} --tags edge --skip-tags rollout" in line
        assert code() == 2
        run_fix(line)
        clean()


def test_the_file_is_invalid_while_haproxy_still_serves() -> None:
    save, back = f"cp -p {CONFIG} /run/saved.cfg", f"cp -p /run/saved.cfg {CONFIG}"
    with broken(f"{save}; sed -i '0,/maxconn/s//maxcon/' {CONFIG}", back):
        assert first_line().startswith("inference  serving: ")
        (told,) = troubles()
        assert told.startswith("haproxy.cfg:")
        assert code() == 1
    clean()


def test_docker_is_masked() -> None:
    units = "docker.socket docker.service"
    with broken(f"systemctl mask --now {units}", f"systemctl unmask {units}; systemctl start {units}"):
        # What runs goes on running.
        assert first_line().startswith("inference  serving: ")
        told = next(it for it in troubles() if "masked" in it)
        assert told == (
            "docker.socket and docker.service are masked. "
            "Fix: sudo systemctl unmask docker.socket docker && sudo systemctl start docker.socket docker"
        )
        assert "releasectl rollback" not in "".join(troubles())
        run_fix(told)
        docker_answers()
        clean()


def test_the_container_answers_and_its_port_does_not() -> None:
    # Which leaves a standby.
    host.good(host.deploy(host.request(host.other(host.live()))))
    slot = lab.state()["live"]["slot"]
    ports = json.loads(lab.on_host("cat", host.CONFIG))["slots"]
    # As if the rules of Docker were gone: what goes to the ports ends nowhere.
    rule = "OUTPUT -t raw -p tcp -d 127.0.0.1 --dport {} -j DROP"
    drop, back = ("; ".join(f"iptables -{how} {rule.format(port)}" for port in ports.values()) for how in ("I", "D"))
    with broken(drop, back):
        line = first_line()
        assert f"answers, 127.0.0.1:{ports[slot]} does not reach it: Docker's rules are missing" in line, line
        assert fix_of(line) == "sudo systemctl restart docker"
        assert code() == 2
        standby = lab.state()["standby"]
        refused = host.releasectl("rollback", "--to", standby["release"]["version"])
        assert refused.code == 8, refused
        assert f"127.0.0.1:{ports['blue']}" in refused.cause and f"127.0.0.1:{ports['green']}" in refused.cause
        assert lab.state()["standby"] == standby
        assert lab.on_host("systemctl", "is-active", f"inference@{standby['slot']}").strip() == "active"
    clean()


@pytest.mark.parametrize(
    ("script", "told_first"),
    [
        (f"systemctl stop {TIMER}", "the recovery timer is not active: nothing is repaired. Fix: "),
        (f"systemctl disable {TIMER}", "the recovery timer is disabled: nothing is repaired. Fix: "),
        (f"systemctl mask --now {TIMER}", "the recovery timer is masked: nothing is repaired. Fix: "),
        (
            f"systemctl stop {WATCHDOG}",
            "the watchdog timer is not active: nothing starts a stopped recovery timer again. Fix: ",
        ),
    ],
)
def test_the_timers_of_recovery(script: str, told_first: str) -> None:
    host.shell(script)
    try:
        (told,) = troubles()
        assert told.startswith(told_first)
        assert code() == 1
        run_fix(told)
        clean()
    finally:
        host.shell(f"systemctl unmask {host.TIMERS}; systemctl enable --now {host.TIMERS}")


def test_another_certificate_is_served_than_certbot_has() -> None:
    own = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=wrong -keyout /run/wrong.key -out /run/wrong.pem"
        f" 2>/dev/null; cp -p {CERTIFICATE} /run/saved.pem; cat /run/wrong.pem /run/wrong.key > {CERTIFICATE};"
        " systemctl reload haproxy; sleep 1"
    )
    with broken(
        f"chmod 0644 {HOOK}; {own}", f"chmod 0755 {HOOK}; cp -p /run/saved.pem {CERTIFICATE}; systemctl reload haproxy"
    ):
        line = first_line()
        told = [line, *troubles()]
        assert line.startswith(f"{NOT_SERVING}certbot's hook {HOOK} is not executable"), told
        assert any("443 serves a self-signed certificate (serial " in it for it in told), told
        assert code() == 2
        run_fix(line)
        clean()


def test_dns_is_dead() -> None:
    with broken("cp /etc/resolv.conf /run/saved.conf; echo nameserver 192.0.2.1 > /etc/resolv.conf",
                "cat /run/saved.conf > /etc/resolv.conf"):  # fmt: skip
        (told,) = troubles()
        assert told.startswith("the registry's name ") and "does not resolve" in told
        assert code() == 1
        host.shell("cat /run/saved.conf > /etc/resolv.conf")
        clean()


def test_the_live_map_is_unreadable() -> None:
    """An entry without a value, as a person leaves it who writes to the socket by hand."""
    add = f"add map {host.HOME}/live.map <<\ngarbage \n\n"
    words = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); s.sendall({add.encode()!r}); s.recv(99)"  # noqa: E501
    with broken("true", "systemctl reload haproxy"):
        lab.on_host("python3", "-c", words)
        told = next((it for it in troubles() if "unreadable" in it), "")
        assert told == "the live map has an unreadable entry ('garbage'). Fix: sudo systemctl reload haproxy"
        run_fix(told)
        clean()


def test_the_playbook_tells_of_another_version_in_the_inventory() -> None:
    """The host has a version of the tests; the inventory has that of the lab."""
    said = lab.good(lab.play("playbooks/status.yml", *lab.LIMIT)).out
    assert "inference  serving: " in said
    assert re.search(
        rf"TROUBLE   the inventory says v\S+, {host.live()} is live. Fix: set the version of the service", said
    )


def test_a_deploy_that_names_no_version_does_not_go_back() -> None:
    before = host.live()
    refused = lab.play("site.yml", *lab.LIMIT, "--tags", "rollout", "-e", "release_forward_only=true")
    assert refused.code != 0
    assert f"{before} (release " in refused.out
    assert "is live, and this deploy, which names no version, would go back to v1" in refused.out
    assert host.live() == before


def test_a_converge_restores_the_mode_of_the_hook() -> None:
    host.shell(f"chmod 0644 {HOOK}")
    assert any(f"certbot's hook {HOOK} is not executable" in it for it in troubles())
    lab.good(lab.play("site.yml", *lab.LIMIT, "--tags", "tls"))
    assert host.shell(f"stat -c %a {HOOK}").strip() == "755"
    clean()


def test_it_takes_less_than_a_second() -> None:
    """In a quiet moment: other tests share this machine."""
    script = "b=$(date +%s%N); releasectl status > /dev/null; e=$(date +%s%N); echo $(( (e - b) / 1000000 ))"
    lab.wait_until(lambda: int(host.shell(script)) < 1000, 60, "the status takes less than a second")
