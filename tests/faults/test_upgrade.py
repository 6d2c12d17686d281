"""
Upgrades of packages and a reboot, under load. The packages are real ones with a higher version, published on the host
as a security release (on_host/security_release.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.daemons import container_ids
from tests.harness.load import steady
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad

DAEMONS = ("haproxy.service", "docker.service", "containerd.service")
UPGRADE = ("playbooks/upgrade.yml", *lab.LIMIT)
# A host that neither answers nor refuses must not look away for longer.
LOOK_S = 1.0

pytestmark = pytest.mark.usefixtures("services")


@pytest.fixture(scope="module", autouse=True)
def afterwards() -> Iterator[None]:
    yield
    publish()
    host.shell(f"systemctl stop {host.TIMERS}")


def publish(*packages: str) -> None:
    """Newer versions of them; none: the repository is removed."""
    host.python("security_release.py", *packages)


def processes() -> dict[str, str]:
    """Unit → its main process: of the daemons, and of the slots that run."""
    slots = host.shell("systemctl list-units --plain --no-legend 'inference@*' | cut -d ' ' -f 1").split()
    return {it: host.shell(f"systemctl show --property MainPID --value {it}").strip() for it in (*DAEMONS, *slots)}


def test_unattended_upgrades_restart_nothing_that_serves(load: SteadyLoad) -> None:
    """A package of containerd would; and the status names what still runs the old files."""
    host.recovered()
    publish("containerd", "docker.io", "libssl3")
    before = (processes(), container_ids())
    assert "containerd docker.io libssl3" in host.shell("unattended-upgrade --verbose")
    # The version of Python is that of a dozen packages; the files are new ones.
    host.shell("apt-get install --reinstall --yes --quiet $(basename $(readlink /usr/bin/python3))-minimal")
    assert (processes(), container_ids()) == before
    status = host.releasectl("status").doc
    assert sorted(status["restart_needed"]) == sorted(before[0])
    fix = f"Fix: ansible-playbook playbooks/upgrade.yml --limit {lab.HOST}"
    assert any(
        it.startswith("restart needed: haproxy.service (") and "libssl.so.3" in it and fix in it
        for it in status["notices"]
    )
    assert host.unexpected_troubles(status) == []


def test_an_upgrade_under_load_fails_no_request(load: SteadyLoad) -> None:
    """It installs HAProxy, and restarts all that the test before has left."""
    publish("haproxy")
    before, containers, version = processes(), container_ids(), host.live()
    stale = host.releasectl("status").doc["restart_needed"]
    checked = lab.good(lab.play(*UPGRADE, "--check"))
    assert f"{lab.HOST}: haproxy" in checked.out
    assert processes() == before
    lab.good(lab.play(*UPGRADE, "-e", json.dumps({"reason": "a CVE of HAProxy"})))
    assert (container_ids(), host.live()) == (containers, version)
    assert host.shell("ls -l /proc/$(systemctl show -P MainPID haproxy)/exe").strip().endswith("/usr/sbin/haproxy")
    status = host.releasectl("status").doc
    assert (status["restart_needed"], status["reboot_needed"]) == ([], None)
    # HAProxy's master process stays; the file that it executes does not.
    after = processes()
    assert {it for it in before if after[it] != before[it]} == set(stale) - {"haproxy.service"}
    entry = lab.history()[0]
    assert (entry["kind"], entry["outcome"], entry["reason"]) == ("upgrade", "done", "a CVE of HAProxy")
    assert entry["cause"].startswith("haproxy 2.") and "; restarted " in entry["cause"]
    print(f"upgrade: {entry['phases']}, {len(load.samples)} requests, {len(load.failed)} failed")
    host.recovered()
    again = lab.good(lab.play(*UPGRADE))
    assert again.recap[lab.HOST]["changed"] == 0


def test_a_host_in_maintenance_is_not_upgraded() -> None:
    host.good(host.releasectl("maintenance", "on", "--by", "alice", "--reason", "new disks"))
    try:
        refused = lab.play(*UPGRADE)
    finally:
        host.good(host.releasectl("maintenance", "off", "--by", "alice"))
    assert refused.code != 0
    assert "by alice: new disks" in refused.out


def test_a_reboot_shows_the_maintenance_page_and_ends_it_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    version = host.live()
    host.shell("touch /run/reboot-required; echo linux-image-6 > /run/reboot-required.pkgs")
    monkeypatch.setattr(steady, "TIMEOUT_S", LOOK_S)
    with predictions(rate=40, clients=8) as load:
        load.wait_for(20)
        done = lab.good(lab.play(*UPGRADE, "-e", "reboot=true"))
        load.wait_for(len(load.samples) + 20, what=lambda sample: True)
    failed = sorted(load.failed, key=lambda it: it.at)
    # Whoever was in flight got an answer; then comes the page.
    assert failed[0].status == 503
    seconds = max(it.at + it.seconds for it in failed) - failed[0].at
    assert seconds < 90
    assert (host.live(), host.releasectl("status").doc["maintenance"]) == (version, None)
    assert "linux-image-6" not in str(host.releasectl("status").doc["notices"])
    upgraded, *others = lab.history()[:3]
    assert upgraded["kind"] == "upgrade" and "rebooted, not served for at most" in upgraded["cause"]
    assert [(it["kind"], it["outcome"]) for it in others] == [("maintenance", "off"), ("maintenance", "on")]
    print(f"reboot: {seconds:.1f} s not served; {upgraded['cause']}\n{done.out[-500:]}")
    host.shell(f"systemctl stop {host.TIMERS}")
    host.recovered()


@pytest.fixture
def group() -> Iterator[Any]:
    """Reads an Auto Scaling group of two instances behind a target group, in the stand-in for AWS."""
    ec2, balancing, scaling = (lab.aws(it) for it in ("ec2", "elbv2", "autoscaling"))
    subnet, name = ec2.describe_subnets()["Subnets"][0], "upgrade"
    made = balancing.create_target_group(Name=name, Protocol="HTTPS", Port=443, VpcId=subnet["VpcId"])
    targets = made["TargetGroups"][0]["TargetGroupArn"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": image})
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": name}, MinSize=1, MaxSize=2, DesiredCapacity=2,
        VPCZoneIdentifier=subnet["SubnetId"], TargetGroupARNs=[targets],
    )  # fmt: skip

    def read() -> tuple[int, dict[str, str], set[str]]:
        """Desired capacity; instance → state; the instances that the load balancer knows."""
        (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        known = balancing.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
        states = {it["InstanceId"]: it["LifecycleState"] for it in found["Instances"]}
        return found["DesiredCapacity"], states, {it["Target"]["Id"] for it in known}

    yield read
    scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    ec2.delete_launch_template(LaunchTemplateName=name)
    balancing.delete_target_group(TargetGroupArn=targets)


def test_a_host_of_a_fleet_leaves_the_load_balancer_and_returns(group: Any, tmp_path: Path) -> None:
    """Its part of the role; the reboot between the two is that of the test above."""
    _, states, _ = group()
    one, other = sorted(states)
    parts = [
        {"ansible.builtin.import_role": {"name": "upgrade", "tasks_from": it}, "tags": it} for it in ("leave", "return")
    ]
    book = tmp_path / "part.yml"
    book.write_text(json.dumps([{"hosts": "inference", "gather_facts": False, "tasks": parts}]))
    settings = json.dumps({"upgrade_autoscaling_group": "upgrade", "upgrade_instance_id": one})
    lab.good(lab.play(str(book), *lab.LIMIT, "-e", settings, "--tags", "leave"))
    # The stand-in leaves it in the target group; AWS drains it there (Auto Scaling User Guide, standby).
    assert group()[:2] == (1, {one: "Standby", other: "InService"})
    lab.good(lab.play(str(book), *lab.LIMIT, "-e", settings, "--tags", "return"))
    assert group() == (2, {one: "InService", other: "InService"}, {one, other})
