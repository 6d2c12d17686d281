"""
Each incident as the status tells it: whether clients are served comes first, with the cause and the command that fixes
it. The command is run as it is printed, and then the status is clean.
"""

from __future__ import annotations

import json
import re

import pytest

from drills.faults import (
    CONFIG,
    DOCKER_MASKED,
    HAPROXY_WITH_SPOILED_CONFIG,
    HOOK,
    HOOK_NOT_EXECUTABLE,
    NO_SLOT_IS_LIVE,
    OTHER_CERTIFICATE,
    SPOILED_CONFIG,
    socket_command,
)
from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.daemons import edge_command
from tests.harness.oncall import (
    FIX,
    LINEAGE,
    METRICS,
    NOT_SERVING,
    broken,
    clean,
    code,
    first_line,
    fix_of,
    metrics,
    run_fix,
    serial,
    troubles,
    written,
)

TIMER, WATCHDOG = host.TIMERS.split()
pytestmark = pytest.mark.usefixtures("timers")


def test_a_good_host_serves() -> None:
    clean()
    doc = lab.status()
    assert (doc["serving"], doc["serving_cause"]) == (True, None)
    assert doc["client"]["version"] == host.live()


def test_the_metrics_are_written_within_a_minute_by_a_timer_of_their_own() -> None:
    host.shell(f"rm --force {METRICS}")
    host.shell(f"systemctl start {host.METRICS}")
    try:
        lab.wait_until(lambda: written()["serving"] == 1, "the timer writes", within_s=60)
        assert "OnUnitInactiveUSec=50s" in host.shell(f"systemctl show --property=TimersMonotonic {host.METRICS}")
    finally:
        host.shell(f"systemctl stop {host.METRICS}")
    good = {"serving": 1, "maintenance": 0, "recovery_timer_active": 1, "docker_up": 1, "edge_up": 1, "troubles": 0}
    assert {name: written()[name] for name in good} == good


def test_maintenance_names_whom_to_ask() -> None:
    host.good(host.releasectl("maintenance", "on", "--by", "ops@jump", "--reason", "disk swap, back at 14:00"))
    try:
        line = first_line()
        assert line.startswith(f"{NOT_SERVING}maintenance since ")
        assert "by ops@jump: disk swap, back at 14:00. Confirm with ops@jump that it can end, " in line
        assert f" it can end, then on {lab.HOST}: sudo releasectl " in line
        assert code() == 2
        found = metrics()
        assert (found["maintenance"], found["serving"]) == (1, 0)
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "maintenance")
        assert answer.json()["message"] == "inference is in maintenance."
        refused = host.releasectl("maintenance", "off", "--by", "bob")
        assert refused.code == 2
        assert "another operator began this maintenance (since " in refused.cause
        assert "by ops@jump: disk swap, back at 14:00)" in refused.cause
        run_fix("maintenance since ")
    finally:
        host.good(host.releasectl("maintenance", "off", "--by", "ops@jump"))
    clean()
    told = [(it["kind"], it["outcome"]) for it in lab.history()[:2]]
    assert told == [("maintenance", "off"), ("maintenance", "on")]


def test_maintenance_without_a_record_can_be_ended() -> None:
    host.good(host.releasectl("maintenance", "on", "--by", "ops@jump", "--reason", "disk swap"))
    host.shell(f"rm {host.HOME}/state.json")
    host.good(host.releasectl("recover"))
    try:
        line = re.sub(r"since \S+", "since then", first_line())
        fix = f"Fix on {lab.HOST}: sudo releasectl --service inference maintenance off"
        assert line == f"{NOT_SERVING}maintenance since then by recovery: the record of it was lost. {fix}"
        run_fix("maintenance since ")
    finally:
        host.releasectl("maintenance", "off", "--force")
    clean()


def test_the_running_map_differs_from_the_record() -> None:
    slot = lab.state()["live"]["slot"]
    with broken(NO_SLOT_IS_LIVE.script, "true"):
        line = first_line()
        assert line == (
            f"{NOT_SERVING}HAProxy routes to none, but state.json has {slot}. "
            f"{FIX}sudo releasectl --service inference recover"
        )
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "no_live_release")
        assert metrics()["serving"] == 0
        run_fix("HAProxy routes to none")
        clean()


def test_the_running_map_has_a_slot_that_there_is_not() -> None:
    slot = lab.state()["live"]["slot"]
    with broken(socket_command(f"set map {host.HOME}/live.map live garbage\n"), "true"):
        assert first_line().startswith(f"{NOT_SERVING}HAProxy routes to garbage, but state.json has {slot}. {FIX}")
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "no_live_release")
        run_fix("HAProxy routes to garbage")
        clean()


def test_haproxy_does_not_start_with_its_configuration() -> None:
    with broken(HAPROXY_WITH_SPOILED_CONFIG.script, HAPROXY_WITH_SPOILED_CONFIG.undo):
        line = first_line()
        number = int(host.shell(f"grep -n maxcon {CONFIG} | head -1 | cut -d : -f 1"))
        assert line.startswith(f"{NOT_SERVING}haproxy.cfg:{number}: "), line
        assert "unknown keyword 'maxcon' in 'global' section" in line
        assert f"--limit {lab.HOST} --tags edge --skip-tags rollout" in line
        assert code() == 2
        found = metrics()
        assert (found["edge_up"], found["serving"]) == (0, 0)
        run_fix("unknown keyword 'maxcon'")
        clean()
        converged = lab.history()[0]
        assert (converged["kind"], converged["cause"]) == ("converge", f"edge: {CONFIG}, haproxy.service")


def test_the_file_is_invalid_while_haproxy_still_serves() -> None:
    with broken(SPOILED_CONFIG.script, SPOILED_CONFIG.undo):
        assert first_line().startswith("inference  serving: ")
        told, changed = troubles()
        assert told.startswith("haproxy.cfg:")
        assert re.match(rf"changed since the converge .* by .*: {CONFIG} \(content, [0-9]+s ago\)\. Fix: ", changed)
        assert code() == 1
        assert metrics()["changed_files"] == 1
    clean()


def test_docker_is_masked() -> None:
    with broken(DOCKER_MASKED.script, DOCKER_MASKED.undo):
        # What runs goes on running.
        assert first_line().startswith("inference  serving: ")
        told = next(it for it in troubles() if "masked" in it)
        assert told == (
            f"docker.socket and docker.service are masked. {FIX}"
            "sudo systemctl unmask docker.socket docker && sudo systemctl start docker.socket docker"
        )
        assert "releasectl rollback" not in "".join(troubles())
        assert metrics()["docker_up"] == 0
        run_fix("are masked")
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
        assert fix_of("Docker's rules are missing") == "sudo systemctl restart docker  # containers keep running"
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
        (f"systemctl stop {TIMER}", "the recovery timer is not active: nothing is repaired. "),
        (f"systemctl disable {TIMER}", "the recovery timer is disabled: nothing is repaired. "),
        (f"systemctl mask --now {TIMER}", "the recovery timer is masked: nothing is repaired. "),
        (
            f"systemctl stop {WATCHDOG}",
            "the watchdog timer is not active: nothing starts a stopped recovery timer again. ",
        ),
    ],
)
def test_the_timers_of_recovery(script: str, told_first: str) -> None:
    host.shell(script)
    try:
        (told,) = troubles()
        assert told.startswith(f"{told_first}{FIX}sudo systemctl ")
        assert code() == 1
        if TIMER in script:
            assert metrics()["recovery_timer_active"] == 0
        run_fix(told_first.removesuffix(". "))
        clean()
    finally:
        host.shell(f"systemctl unmask {host.TIMERS}; systemctl enable --now {host.TIMERS}")


def test_another_certificate_is_served_than_certbot_has() -> None:
    right = metrics()["certificate_expiry_seconds"]
    certbots = serial(f"{LINEAGE}/cert.pem")
    wrong = f"{HOOK_NOT_EXECUTABLE.script}; {OTHER_CERTIFICATE.script}; systemctl reload haproxy; sleep 1"
    with broken(wrong, f"{HOOK_NOT_EXECUTABLE.undo}; {OTHER_CERTIFICATE.undo}"):
        line = first_line()
        told = [line, *troubles()]
        assert line.startswith(f"{NOT_SERVING}certbot's hook {HOOK} is not executable. {FIX}sudo chmod 0755 {HOOK} "), (
            told
        )
        served = r"port 443 serves a self-signed certificate \(serial [0-9a-f]+\); certbot has serial "
        fix = f"{certbots}. {FIX}sudo releasectl certificate install"
        assert any(re.search(served, it) and it.endswith(fix) for it in told), told
        assert code() == 2
        found = metrics()
        assert (found["certificate_ok"], found["serving"]) == (0, 0)
        assert found["certificate_expiry_seconds"] != right
        run_fix(f"certbot's hook {HOOK} is not executable")
        clean()


def test_the_live_map_is_unreadable() -> None:
    """An entry without a value, as a person leaves it who writes to the socket by hand."""
    add = f"add map {host.HOME}/live.map <<\ngarbage \n\n"
    with broken("true", "systemctl reload haproxy"):
        edge_command(add)
        told = next((it for it in troubles() if "unreadable" in it), "")
        assert told == f"the live map has an unreadable entry ('garbage'). {FIX}sudo systemctl reload haproxy"
        run_fix("the live map has an unreadable entry")
        clean()


def test_a_converge_restores_the_mode_of_the_hook() -> None:
    host.shell(HOOK_NOT_EXECUTABLE.script)
    assert any(f"certbot's hook {HOOK} is not executable" in it for it in troubles())
    lab.good(lab.play("site.yml", *lab.LIMIT, "--tags", "tls"))
    assert host.shell(f"stat -c %a {HOOK}").strip() == "755"
    clean()


def test_it_takes_less_than_a_second() -> None:
    """In a quiet moment: other tests share this machine."""
    script = "b=$(date +%s%N); releasectl status > /dev/null; e=$(date +%s%N); echo $(( (e - b) / 1000000 ))"
    lab.wait_until(lambda: int(host.shell(script)) < 1000, "the status takes less than a second")
