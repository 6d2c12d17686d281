"""First light, a rollout, a rollback and a reboot on Debian 13."""

from __future__ import annotations

import pytest

from tests.e2e import lab


def test_make_deploy_and_verify() -> None:
    lab.good(lab.make("deploy"))
    assert "trixie" in lab.on_host("cat", "/etc/os-release")
    lab.predicts_right()
    lab.good(lab.make("verify"))


def test_a_second_converge_changes_nothing() -> None:
    recap = lab.good(lab.play("site.yml")).recap
    assert {host: counts["changed"] for host, counts in recap.items()} == dict.fromkeys(
        ("inference-1", "inference-2", "inference-3"), 0
    )


def test_a_rollout_and_a_rollback_fail_no_request(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("load")
    lab.good(lab.deploy("v2.0.0"))
    lab.good(lab.play("playbooks/rollback.yml", *lab.LIMIT))
    assert lab.live_version() == "v1.0.0"


def test_a_rebooted_host_serves_again_without_a_person() -> None:
    lab.good(lab.run("docker", "restart", "--time", "60", lab.CONTAINER))
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, 120, "the service is back")
    lab.predicts_right()
