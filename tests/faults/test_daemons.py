"""Docker, containerd and HAProxy: restarted, killed and hung, idle and in the middle of a rollout."""

from __future__ import annotations

import time

from tests.e2e import lab
from tests.faults import host
from tests.faults.conftest import steady
from tests.load.steady import SteadyLoad

KILL_DOCKER = "systemctl kill --signal KILL --kill-whom main docker"
# No failure may begin later than this after the edge runs again: time for one more look of a client.
SLACK_S = 0.5


def container_ids() -> str:
    return lab.on_host("docker", "ps", "--quiet", "--no-trunc")


def docker_answers() -> None:
    lab.wait_until(lambda: bool(container_ids()), 30, "Docker answers again")


def edge_answers() -> None:
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, 30, "the edge answers again")


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
    host.shell("systemctl stop docker.socket docker.service")
    try:
        status = host.good(host.releasectl("status")).doc
        refused = host.deploy(host.request(host.other(host.live())))
    finally:
        host.shell("systemctl start docker.socket docker.service")
    assert status["healthy"] is True
    assert "not known: Docker does not answer" in status["rollback"]
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
    with steady() as load:
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
    before = host.live()
    wanted = host.other(before)
    answer = host.deploy_at("switch/SetMap", "systemctl kill --signal KILL haproxy", host.request(wanted))
    edge_answers()
    host.recovered()
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
