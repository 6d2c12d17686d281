"""What recovery repairs on its timer: each test breaks it, and checks the repair, the history and the notification."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

TIMER, WATCHDOG = host.TIMERS.split()
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/slipway-haproxy"
CERTIFICATE = f"/etc/haproxy/certs/{lab.NAME}.pem"
NOTES, POST = "/run/fault.repaired", "/etc/slipway/inference/hooks/post-recovery"


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The timers run, as on any host; a hook writes down what it hears."""
    host.shell(f"printf '#!/bin/sh\\ncat >> {NOTES}; echo >> {NOTES}\\n' > {POST}; chmod 0755 {POST}; : > {NOTES}")
    # The same repair is recorded once an hour; an earlier run may have recorded it.
    host.shell(f'sed -i \'/"kind": *"recovery"/d\' {host.HOME}/history.jsonl')
    host.set_repairs(True)
    host.shell(f"systemctl start {host.TIMERS}")
    yield
    host.shell(f"systemctl unmask {host.TIMERS}; systemctl enable {host.TIMERS}; systemctl stop {host.TIMERS}")
    host.set_repairs(False)
    host.shell(f"rm -f {POST} {NOTES}")


def repaired(before: int, by: str = "recover") -> str:
    """What the history tells since then; event and notification tell the same. The timer itself may have been first."""
    host.shell(f"systemctl start slipway-{by}@inference.service")
    lab.wait_until(lambda: bool(host.shell(f"cat {NOTES}").strip()), 30, "the hook post-recovery has run")
    (entry,) = host.look()["history"][before:]
    assert (entry["kind"], entry["outcome"], entry["by"]) == ("recovery", "repaired", "releasectl recover")
    (note,) = (json.loads(line) for line in host.shell(f"cat {NOTES}").splitlines() if line.strip())
    assert note["reason"] == entry["cause"]
    return str(entry["cause"])


def entries() -> int:
    return len(host.look()["history"])


@pytest.mark.parametrize(("action", "was"), [("stop", "not active"), ("disable", "disabled"), ("mask --now", "masked")])
def test_the_watchdog_starts_recovery_again(action: str, was: str) -> None:
    before = entries()
    host.shell(f"systemctl {action} {TIMER}")
    assert repaired(before, "watchdog") == f"{TIMER} was {was}: started"
    assert host.shell(f"systemctl is-active {TIMER}; systemctl is-enabled {TIMER}").split() == ["active", "enabled"]


def test_recovery_starts_its_watchdog_again() -> None:
    before = entries()
    host.shell(f"systemctl mask --now {WATCHDOG}")
    assert repaired(before) == f"{WATCHDOG} was masked: started"
    assert host.shell(f"systemctl is-active {WATCHDOG}").strip() == "active"


def test_a_masked_slot_is_unmasked(load: SteadyLoad) -> None:
    before = entries()
    unit = f"inference@{host.look()['status']['live']['slot']}.service"
    host.shell(f"systemctl mask {unit}")
    assert repaired(before) == f"{unit} was masked: unmasked"
    assert host.shell(f"systemctl show --property LoadState --value {unit}").strip() == "loaded"


def test_the_hook_and_the_certificate(load: SteadyLoad) -> None:
    """Another certificate on disk than certbot's, and a hook that certbot cannot run."""
    before = entries()
    own = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=wrong -keyout /run/wrong.key -out /run/wrong.pem"
    host.shell(f"cp -p {CERTIFICATE} /run/saved.pem; {own} 2>/dev/null; cat /run/wrong.pem /run/wrong.key > /run/both")
    host.shell(f"chmod 0644 {HOOK}; cat /run/both > {CERTIFICATE}")
    said = repaired(before)
    assert f"certbot's hook {HOOK} was not executable: mode 0755" in said
    assert "was not served: installed" in said
    assert host.shell(f"stat -c %a {HOOK}; cmp {CERTIFICATE} /run/saved.pem && echo same").split() == ["755", "same"]


def test_an_unreadable_entry_of_the_live_map(load: SteadyLoad, services: None) -> None:
    before = entries()
    add = f"add map {host.HOME}/live.map <<\ngarbage \n\n"
    words = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock')"
    lab.on_host("python3", "-c", f"{words}; s.sendall({add.encode()!r}); s.recv(99)")
    assert repaired(before) == "the live map has an unreadable entry ('garbage'): HAProxy reloaded"
    lab.wait_until(lambda: not lab.status()["troubles"], 30, "the status is clean")


def test_recovery_by_hand_leaves_stopped_timers_alone() -> None:
    # A recovery that runs would start them again.
    services = host.TIMERS.replace(".timer", ".service")
    host.shell(f"systemctl stop {host.TIMERS} {services}; systemctl stop {host.TIMERS}")
    before = entries()
    host.good(host.releasectl("recover"))
    assert "inactive" in host.shell(f"systemctl is-active {TIMER} || true") and entries() == before
