"""Two on-calls at once, a holder that vanishes, and a way back that somebody has taken apart."""

from __future__ import annotations

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad


def test_the_second_of_two_hears_who_is_first(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    with host.configured(deadlines_s={"lock": 1}):
        with host.held("gate", host.request(wanted, by="alice"), "deploy") as answers:
            second = host.releasectl("rollback", "--to", wanted, "--by", "bob")
            third = host.deploy(host.request(wanted, by="carol"))
            status = lab.status_text()
        for answer in (second, third):
            assert answer.code == 4, answer
            assert f"deploy {wanted} by alice since" in answer.cause
        assert f"deploy {wanted} by alice since" in status
        host.good(answers[0])
    host.well()
    assert host.live() == wanted


def test_a_holder_that_is_killed_leaves_no_lock(load: SteadyLoad) -> None:
    before = host.live()
    with host.configured(deadlines_s={"lock": 0}):
        assert host.deploy_at("gate", "kill", host.request(host.other(before))).code == 137
        assert host.releasectl("status").doc["changing"] is None
        host.recovered()
    assert host.live() == before


def test_five_failed_deploys_then_the_way_back(load: SteadyLoad) -> None:
    before = host.live()
    good = host.other(before)
    host.good(host.deploy(host.request(good)))
    for _ in range(5):
        assert host.deploy(host.request(before, "exits")).code == 3
    host.good(host.releasectl("rollback"))
    host.well()
    assert host.live() == before


@pytest.mark.parametrize("standby_s", [900, 0])
def test_a_rollback_brings_back_the_environment_of_then(load: SteadyLoad, standby_s: int) -> None:
    """Of the same version: from the standby, and started anew from the record."""
    version = host.other(host.live())
    first, second = host.request(version), host.request(version)
    with host.configured(standby_s=standby_s):
        for doc in (first, second):
            host.good(host.deploy(doc))
            assert f"TRY={doc['env']['TRY']}\n" in environment()
        host.good(host.releasectl("rollback"))
    assert f"TRY={first['env']['TRY']}\n" in environment()
    host.well()


def environment() -> str:
    """Of the container that is live."""
    slot = lab.state()["live"]["slot"]
    words = ("docker", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", f"inference-{slot}")
    return lab.on_host(*words)


def test_the_standby_dies_before_a_rollback(load: SteadyLoad) -> None:
    before = host.live()
    host.good(host.deploy(host.request(host.other(before))))
    slot = lab.state()["standby"]["slot"]
    host.shell(f"systemctl stop inference@{slot}; docker rm --force inference-{slot}")
    host.good(host.releasectl("rollback"))
    host.well()
    assert host.live() == before


@pytest.mark.usefixtures("services")
def test_the_image_of_the_way_back_was_removed_by_hand(load: SteadyLoad) -> None:
    before = host.live()
    wanted = host.other(before)
    try:
        with host.configured(standby_s=0):
            host.good(host.deploy(host.request(wanted)))
        host.shell(f"docker rmi --force $(docker image inspect --format '{{{{.Id}}}}' {host.image(before)})")
        answer = host.releasectl("rollback")
        assert answer.code == 5, answer
        assert "is missing from this host" in answer.cause
        assert "deploy this version again" in answer.doc["hint"]
        seen = host.well()
        assert "not possible: the image" in seen["status"]["rollback"]
        assert host.live() == wanted
    finally:
        lab.good(lab.play("playbooks/prefetch.yml", "-e", f"version={before}", "--limit", lab.HOST))
    host.good(host.releasectl("rollback"))
    host.well()
