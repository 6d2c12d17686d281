"""What may break while the live release serves."""

from __future__ import annotations

import pytest

from tests.harness import lab, network
from tests.harness.load.steady import SteadyLoad


@pytest.fixture(scope="module", autouse=True)
def beginning() -> None:
    lab.start("v1.0.0", recorded="v2.0.0")


def test_rollback_needs_no_registry_no_aws_and_no_acme(load: SteadyLoad) -> None:
    lab.good(lab.deploy("v2.0.0"))
    with network.cut("registry", "aws", "acme"):
        lab.good(lab.make("rollback", "VERSION=v1.0.0"))
        assert lab.live_version() == "v1.0.0"
        lab.good(lab.make("rollback", "VERSION=v2.0.0"))
        assert lab.live_version() == "v2.0.0"


def test_a_converge_with_everything_down_changes_nothing() -> None:
    lab.good(lab.make("rollback", "VERSION=v1.0.0"))
    with network.cut("registry", "aws", "acme"):
        done = lab.good(lab.play("site.yml"))
    assert done.recap[lab.HOST]["failed"] == 0
    lab.predicts_right()


def test_a_rebooted_host_serves_again_without_a_person() -> None:
    lab.good(lab.run("docker", "restart", "--time", "60", lab.CONTAINER))
    seconds = lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back", within_s=120)
    assert lab.live_version() == "v1.0.0"
    lab.predicts_right()
    print(f"back {seconds:.1f} s after the reboot")


def test_a_host_that_lost_power_mid_rollout_serves_again_without_a_person() -> None:
    lab.on_host("sh", "-c", "nohup releasectl deploy --version v2.0.0 >/dev/null 2>&1 &")
    lab.good(lab.run("docker", "kill", lab.CONTAINER))
    lab.good(lab.run("docker", "start", lab.CONTAINER))
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back", within_s=120)
    lab.wait_until(lambda: lab.status()["troubles"] == [], "all is well", within_s=120)
    assert lab.live_version() in ("v1.0.0", "v2.0.0")
    lab.predicts_right()
    lab.good(lab.deploy("v1.0.0"))


def test_a_restart_of_docker_fails_no_request(load: SteadyLoad) -> None:
    container = lab.on_host("docker", "ps", "--quiet", "--filter", "label=slipway.version=v1.0.0")
    lab.on_host("systemctl", "restart", "docker")
    assert lab.on_host("docker", "ps", "--quiet", "--filter", "label=slipway.version=v1.0.0") == container


def test_a_killed_container_is_back_in_seconds() -> None:
    slot = lab.state()["live"]["slot"]
    lab.on_host("docker", "kill", f"inference-{slot}")
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the service is back", within_s=15)
