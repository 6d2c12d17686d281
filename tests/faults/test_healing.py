"""What recovery repairs on its timer: each test breaks it, and checks the repair, the history and the notification."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from drills.faults import DOCKER_RULES_FLUSHED, HOOK, NO_SLOT_IS_LIVE
from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.daemons import docker_answers, edge_command
from tests.harness.load.steady import SteadyLoad
from tests.harness.oncall import CERTIFICATE
from tests.harness.tls import served_certificate

TIMER, WATCHDOG = host.TIMERS.split()
NOTES, POST = "/run/fault.repaired", "/etc/slipway/inference/hooks/post-recovery"


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The timers run, as on any host; a hook writes down what it hears."""
    host.shell(f"printf '#!/bin/sh\\ncat >> {NOTES}; echo >> {NOTES}\\n' > {POST}; chmod 0755 {POST}; : > {NOTES}")
    # The same repair is recorded once an hour; an earlier run may have recorded it.
    host.shell(f'sed -i \'/"kind": *"recovery"/d\' {host.HOME}/history.jsonl')
    host.shell(": > /var/log/slipway/events.jsonl")
    host.set_repairs(True)
    # The first recovery runs at once: what a test broke under it would be repaired by the next one, in a minute.
    host.shell(f"systemctl start {host.TIMERS}; systemctl start {host.RECOVERY}")
    yield
    host.shell(f"systemctl unmask {host.TIMERS}; systemctl enable {host.TIMERS}; {host.STOP_RECOVERY}")
    host.set_repairs(False)
    host.shell(f"rm -f {POST} {NOTES}")


def repaired(before: int, effect: str, by: str = "recover") -> str:
    """What the history tells since then; event and notification tell the same. The timer itself may have been first."""
    host.shell(f"systemctl start slipway-{by}@inference.service")
    lab.wait_until(lambda: bool(host.shell(f"cat {NOTES}").strip()), "the hook post-recovery has run")
    (entry,) = host.look()["history"][before:]
    assert (entry["kind"], entry["outcome"], entry["by"]) == ("recovery", "repaired", "releasectl recover")
    told = [json.loads(line) for line in host.shell("releasectl --service inference events -n 100").splitlines()]
    events = [it["event"] for it in told if it["phase"] == "recover" and it.get("effect") == effect]
    assert events[:2] == ["start", "done"], told
    (note,) = (json.loads(line) for line in host.shell(f"cat {NOTES}").splitlines() if line.strip())
    assert note["reason"] == entry["cause"]
    return str(entry["cause"])


def entries() -> int:
    return len(host.look()["history"])


@pytest.mark.parametrize(("action", "was"), [("stop", "not active"), ("disable", "disabled"), ("mask --now", "masked")])
def test_the_watchdog_starts_recovery_again(action: str, was: str) -> None:
    before = entries()
    host.shell(f"systemctl {action} {TIMER}")
    assert repaired(before, "EnableTimer", "watchdog") == f"{TIMER} was {was}: started"
    assert host.shell(f"systemctl is-active {TIMER}; systemctl is-enabled {TIMER}").split() == ["active", "enabled"]


def test_recovery_starts_its_watchdog_again() -> None:
    before = entries()
    host.shell(f"systemctl mask --now {WATCHDOG}")
    assert repaired(before, "EnableTimer") == f"{WATCHDOG} was masked: started"
    assert host.shell(f"systemctl is-active {WATCHDOG}").strip() == "active"


def test_a_masked_slot_is_unmasked(load: SteadyLoad) -> None:
    before = entries()
    unit = f"inference@{host.look()['status']['live']['slot']}.service"
    host.shell(f"systemctl mask {unit}")
    assert repaired(before, "UnmaskUnit") == f"{unit} was masked: unmasked"
    assert host.shell(f"systemctl show --property LoadState --value {unit}").strip() == "loaded"


def test_the_hook_and_the_certificate() -> None:
    """Another certificate on disk than certbot's, which HAProxy has loaded, and a hook that certbot cannot run."""
    before, right = entries(), served_certificate(lab.NAME, str(lab.ROOTS)).serial_number
    own = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=wrong -keyout /run/wrong.key -out /run/wrong.pem"
    host.shell(f"cp -p {CERTIFICATE} /run/saved.pem; {own} 2>/dev/null; cat /run/wrong.pem /run/wrong.key > /run/both")
    host.shell(f"chmod 0644 {HOOK}; cat /run/both > {CERTIFICATE}; systemctl reload haproxy; sleep 1")
    said = repaired(before, "InstallCertificate")
    assert f"certbot's hook {HOOK} was not executable: mode 0755" in said
    assert "was not served: installed" in said
    assert host.shell(f"stat -c %a {HOOK}; cmp {CERTIFICATE} /run/saved.pem && echo same").split() == ["755", "same"]
    assert served_certificate(lab.NAME, str(lab.ROOTS)).serial_number == right


def test_a_map_that_differs() -> None:
    before, slot = entries(), lab.state()["live"]["slot"]
    host.shell(NO_SLOT_IS_LIVE.script)
    assert repaired(before, "SetMap").startswith(f"HAProxy routes to {slot}")
    lab.wait_until(lambda: not lab.status()["troubles"], "the status is clean")


def test_flushed_rules_of_docker() -> None:
    before = entries()
    host.shell(DOCKER_RULES_FLUSHED.script)
    assert repaired(before, "RestartDocker").startswith(
        "restarted Docker: Docker's rules are missing (nat DOCKER for port "
    )
    docker_answers()
    lab.wait_until(lambda: not lab.status()["troubles"], "the status is clean")


def test_an_unreadable_entry_of_the_live_map(load: SteadyLoad, services: None) -> None:
    before = entries()
    edge_command(f"add map {host.HOME}/live.map <<\ngarbage \n\n")
    assert repaired(before, "ReloadEdge") == "the live map has an unreadable entry ('garbage'): HAProxy reloaded"
    lab.wait_until(lambda: not lab.status()["troubles"], "the status is clean")


def test_recovery_by_hand_leaves_stopped_timers_alone() -> None:
    # A recovery that the exit of a container starts would start them again.
    host.set_repairs(False)
    host.shell(host.STOP_RECOVERY)
    before = entries()
    host.good(host.releasectl("recover"))
    assert "inactive" in host.shell(f"systemctl is-active {TIMER} || true") and entries() == before
