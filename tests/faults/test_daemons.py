"""Docker, containerd and HAProxy: restarted, killed and hung, idle and in the middle of a rollout; flushed rules."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.harness import host_driver as host
from tests.harness import lab, network
from tests.harness.daemons import KILL_DOCKER, SLACK_S, container_ids, docker_answers, edge_answers
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad

STOP_DOCKER = "systemctl stop docker.socket docker.service"
START_DOCKER = "systemctl start docker.socket docker.service"
# Whatever becomes of Docker, nobody waits for longer.
LATEST_S = 1.0


def test_dockerd_restarted(load: SteadyLoad) -> None:
    before = container_ids()
    host.shell("systemctl restart docker")
    docker_answers()
    assert container_ids() == before
    host.recovered()


def test_dockerd_killed(load: SteadyLoad) -> None:
    before = container_ids()
    host.shell(KILL_DOCKER)
    docker_answers()
    assert container_ids() == before
    host.recovered()


def test_status_is_told_while_docker_is_down(load: SteadyLoad) -> None:
    with host.configured(standby_s=0):
        host.good(host.deploy(host.request(host.other(host.live()))))
    host.shell(STOP_DOCKER)
    try:
        told = host.releasectl("status")
        refused = host.deploy(host.request(host.other(host.live())))
    finally:
        host.shell(START_DOCKER)
    assert (told.code, told.doc["serving"], told.doc["healthy"]) == (1, True, True)
    fix = f"Fix on {lab.HOST}: sudo systemctl start docker.socket docker.service"
    assert f"docker.service is not active. {fix}" in told.doc["troubles"]
    assert "not known: Docker does not answer" in told.doc["rollback"]
    assert refused.code == 8
    assert "Docker does not answer" in refused.cause
    docker_answers()
    host.recovered()


def test_containerd_restarted(load: SteadyLoad) -> None:
    before = container_ids()
    host.shell("systemctl restart containerd")
    docker_answers()
    assert container_ids() == before
    host.recovered()
    host.good(host.deploy(host.request(host.other(host.live()))))


def test_dockerd_killed_during_a_rollout(load: SteadyLoad) -> None:
    for place in ("start/StartUnit", "gate/AwaitPath", "drain/Drain"):
        before = host.live()
        wanted = host.other(before)
        answer = host.deploy_at(place, KILL_DOCKER, host.request(wanted))
        docker_answers()
        host.recovered()
        assert answer.code in (0, 3, 8), answer
        assert host.live() == (wanted if answer.code == 0 else before), answer


def third() -> str:
    """A release that is neither live nor on standby, so that a rollback to it has to make room."""
    host.good(host.deploy(host.request(host.other(host.live()))))
    found = str(lab.state()["live"]["release"]["id"])
    for _ in range(2):
        host.good(host.deploy(host.request(host.other(host.live()))))
    return found


def nobody_waited(load: SteadyLoad) -> None:
    assert [it for it in load.samples if it.seconds > LATEST_S] == []


def test_dockerd_killed_while_a_slot_is_stopped(load: SteadyLoad) -> None:
    """The slot stops without Docker, Docker starts without waiting for the slot, and the rollback goes on with both."""
    to = third()
    begin = time.monotonic()
    host.good(host.engine_at("start/StopUnit", KILL_DOCKER, None, "rollback", "--to", to))
    with host.configured(standby_s=0):
        wanted = host.other(host.live())
        host.good(host.deploy_at("standby/StopUnit", KILL_DOCKER, host.request(wanted)))
    docker_answers()
    host.recovered()
    assert host.live() == wanted
    assert time.monotonic() - begin < 40
    nobody_waited(load)


def test_dockerd_hangs_while_a_slot_is_stopped(load: SteadyLoad) -> None:
    with host.configured(standby_s=0):
        wanted = host.other(host.live())
        signal = "systemctl kill --kill-whom main docker --signal"
        hang = f"{signal} STOP; (sleep 5; {signal} CONT) &"
        host.good(host.deploy_at("standby/StopUnit", hang, host.request(wanted)))
    docker_answers()
    host.recovered()
    nobody_waited(load)


def test_output_that_nobody_reads_blocks_nobody(load: SteadyLoad) -> None:
    """5 MB a second into pipes that hold 64 KiB."""
    before = host.live()
    with network.services():
        lab.good(lab.build_faulty(host.LOUD, "loud"))
        lab.good(lab.play("playbooks/prefetch.yml", "-e", f"version={host.LOUD}", "--limit", lab.HOST))
    host.good(host.deploy(host.request(host.LOUD, "loud")))
    begin = int(time.time())
    host.shell(STOP_DOCKER)
    try:
        time.sleep(6)
    finally:
        host.shell(START_DOCKER)
    docker_answers()
    host.good(host.deploy(host.request(before)))
    host.recovered()
    nobody_waited(load)
    said = host.shell(f"journalctl --unit 'inference@*' --since @{begin} --output cat")
    assert "dropping it, so that the service does not block" in said


@pytest.fixture
def flush() -> Callable[[str], None]:
    """Flush the host's rules, all but those that lead to the lab's DNS: they are in its network namespace."""
    kept = (
        "iptables-save -t nat | grep -E '^(\\*|COMMIT|:DOCKER_|.*(DOCKER_OUTPUT|DOCKER_POSTROUTING))' > /run/fault.dns"
    )

    def run(command: str) -> None:
        host.shell(kept)
        host.shell(command)
        host.shell("iptables-restore --noflush /run/fault.dns")

    return run


@pytest.mark.parametrize(
    "command",
    ["nft flush ruleset", "iptables -F; iptables -t nat -F; iptables -P FORWARD DROP"],
)
def test_a_flushed_packet_filter(flush: Callable[[str], None], command: str) -> None:
    """The live release serves again at once; Docker's and the firewall's rules are back with the next recovery."""
    flush(command)
    time.sleep(1)
    assert lab.ask("/ready").status_code == 200
    assert "systemctl restart docker" in str(host.releasectl("status").doc["troubles"])
    done = host.good(host.releasectl("recover")).doc["done"]
    assert any(line.startswith("restarted Docker: Docker's rules are missing") for line in done)
    assert "RestartDocker" in host.shell("releasectl events -n 20")
    host.shell("iptables -P FORWARD ACCEPT; nft list chain inet slipway input")
    host.recovered()
    host.good(host.deploy(host.request(host.other(host.live()))))


def test_the_fixes_of_flushed_rules_bring_them_back(flush: Callable[[str], None]) -> None:
    flush("nft flush ruleset")
    found = [it for it in host.releasectl("status").doc["problems"] if "are missing" in it["cause"]]
    docker, firewall = (it["cause"] for it in found)
    assert re.fullmatch(
        r"Docker's rules are missing \((nat|filter) .+\): something flushed the packet filter; "
        "recovery restarts Docker within a minute",
        docker,
    ), docker
    assert firewall == "the firewall's rules (table inet slipway) are missing; recovery loads them within a minute"
    fixes = [it["fix"] for it in found]
    assert fixes == [
        "sudo systemctl restart docker  # containers keep running", "sudo systemctl reload-or-restart slipway-firewall",
    ]  # fmt: skip
    for fix in fixes:
        host.shell(fix)
    docker_answers()
    host.well()


def test_a_converge_brings_flushed_rules_back(flush: Callable[[str], None]) -> None:
    flush("nft flush ruleset")
    done = lab.good(lab.play("playbooks/converge.yml", "--tags", "baseline,docker", *lab.LIMIT))
    assert "role docker: command rules" in done.out
    host.shell("iptables -t nat -S OUTPUT | grep -e '-j DOCKER$' && nft list chain inet slipway input")
    host.recovered()


def test_haproxy_reloaded_during_a_rollout(load: SteadyLoad) -> None:
    for place in ("gate/AwaitPath", "drain/Drain"):
        wanted = host.other(host.live())
        host.good(host.deploy_at(place, "systemctl reload haproxy", host.request(wanted)))
        host.recovered()
        assert host.live() == wanted


def test_haproxy_reloaded_between_the_map_file_and_the_running_map(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    host.good(host.deploy_at("switch/SetMap", "systemctl reload haproxy", host.request(wanted)))
    host.recovered()
    assert host.live() == wanted


def test_haproxy_restarted_and_killed_loses_only_what_it_had() -> None:
    with predictions(**host.LOAD) as load:
        for command in ("systemctl restart haproxy", "systemctl kill --signal KILL haproxy"):
            load.wait_for(len(load.samples) + 10, what=lambda sample: True)
            begin = time.monotonic()
            host.shell(command)
            edge_answers()
            end = time.monotonic()
            host.recovered()
            load.wait_for(len(load.samples) + 10, what=lambda sample: True)
            late = [it for it in load.failed if it.at > end + SLACK_S or it.at + it.seconds < begin]
            assert late == [], command
            load.samples.clear()


def test_haproxy_killed_at_the_switch() -> None:
    """The rollout ends whole, live or undone. What is lost is lost while HAProxy is away, and nothing afterwards."""
    before = host.live()
    wanted = host.other(before)
    with predictions(**host.LOAD) as load:
        load.wait_for(10, what=lambda sample: True)
        begin = time.monotonic()
        answer = host.deploy_at("switch/SetMap", "systemctl kill --signal KILL haproxy", host.request(wanted))
        edge_answers()
        end = time.monotonic()
        host.recovered()
        load.wait_for(len(load.samples) + 10, what=lambda sample: True)
        assert [it for it in load.failed if it.at > end + SLACK_S or it.at + it.seconds < begin] == []
    assert answer.code in (0, 8), answer
    assert host.live() == (wanted if answer.code == 0 else before)


def test_a_hung_edge_is_refused_before_anything_begins(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    doc = host.request(host.other(before))
    host.shell("systemctl kill --signal STOP haproxy")
    try:
        answer = host.deploy(doc)
    finally:
        host.shell("systemctl kill --signal CONT haproxy")
    assert answer.code == 8
    assert "HAProxy does not answer" in answer.cause
    host.recovered(entries)
    assert host.live() == before


def test_an_edge_that_hangs_at_the_switch_is_switched_back(load: SteadyLoad) -> None:
    before = host.live()
    host.configure(deadlines_s={"switch": 1})
    try:
        answer = host.deploy_at(
            "switch/SetMap", "systemctl kill --signal STOP haproxy", host.request(host.other(before))
        )
    finally:
        host.shell("systemctl kill --signal CONT haproxy")
        host.configure(deadlines_s={"switch": 5})
    assert answer.code == 8, answer
    assert "HAProxy does not answer" in answer.cause
    host.recovered()
    assert host.live() == before
