"""The reconciler starts, reloads and removes HAProxy as the AWS API says, and tells it the health of the targets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal import authority, haproxy
from rehearsal.balancer import Action, Balancers, Files, create_command, plan
from rehearsal.haproxy import Balancer, Check, Group, Listener, Rule, Target
from rehearsal.settings import Vpc
from rehearsal.shell import Failed

VPC = Vpc("vpc-1", "10.20.0.0/16")
CHECK = Check("HTTPS", None, "/ready", 10, 5, 2, 2, "200")
GROUP = Group("group-arn", "blue", "HTTPS", CHECK, 30, (Target("i-1", "10.20.1.4", 443),))
FORWARD = Rule((), {"Type": "forward", "TargetGroupArn": "group-arn"})
LISTENER = Listener(443, "HTTPS", ("c.pem",), (FORWARD,))
ONE = Balancer("arn", "slipway-dev", "vpc-1", "10.20.0.9", 60, (LISTENER,), {GROUP.arn: GROUP})


@pytest.mark.parametrize(
    ("wanted", "running", "verbs"),
    [
        ({"a": True}, {}, ["create"]),
        ({"a": False}, {}, ["create"]),
        ({"a": False}, {"a": True}, []),
        ({"a": True}, {"a": True}, ["reload"]),
        ({"a": False}, {"a": False}, ["remove", "create"]),
        ({}, {"a": True}, ["remove"]),
        ({}, {}, []),
    ],
)
def test_a_container_follows_its_load_balancer(
    wanted: dict[str, bool], running: dict[str, bool], verbs: list[str]
) -> None:
    assert plan(wanted, running) == [Action(verb, "a") for verb in verbs]


def test_a_balancer_has_its_own_address_and_the_vpc_s_resolver() -> None:
    command = create_command(ONE, Path("/folder"), "image", VPC)
    assert {"--ip=10.20.0.9", "--dns=10.20.0.2", "--volume=/folder:/etc/balancer:ro"} < set(command)


class Fake:
    """HAProxy and Docker, as far as the reconciler knows them."""

    def __init__(self, statistics: str = "") -> None:
        self.calls: list[str] = []
        self.alive: dict[str, bool] = {}
        self.told: list[Any] = []
        self.csv, self.broken = statistics, False

    def running(self) -> dict[str, bool]:
        return dict(self.alive)

    def create(self, it: Balancer, folder: Path, vpc: Vpc) -> None:
        self.calls.append(f"create {it.name}")
        self.alive[it.name] = True

    def check(self, name: str) -> None:
        if self.broken:
            raise Failed("not a valid configuration")

    def reload(self, name: str) -> None:
        self.calls.append(f"reload {name}")

    def remove(self, name: str) -> None:
        self.calls.append(f"remove {name}")
        del self.alive[name]

    def statistics(self, it: Balancer) -> str:
        return self.csv

    def states(self, it: Balancer) -> list[str]:
        return []

    def tell(self, aws: str, health: str) -> None:
        self.told.append(json.loads(health))


def follower(tmp_path: Path, fake: Any, found: list[Balancer]) -> Balancers:
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "c.pem").write_text("certificate and key")
    files = Files(tmp_path, tmp_path / "ca", lambda _: [])

    def describe(_: Callable[[str], str]) -> list[Balancer]:
        return list(found)

    return Balancers(describe, lambda _: VPC, fake, files, "aws", lambda _: None)


def test_a_change_is_a_reload_and_no_change_is_nothing(tmp_path: Path) -> None:
    fake, found = Fake(), [ONE]
    it = follower(tmp_path, fake, found)
    it.once()
    it.once()
    assert fake.calls == ["create slipway-dev"]
    found[0] = replace(ONE, groups={GROUP.arn: replace(GROUP, targets=())})
    it.once()
    assert fake.calls[1:] == ["reload slipway-dev"]
    own = tmp_path / "slipway-dev"
    assert (own / "haproxy.cfg").read_text() == haproxy.config(found[0])
    assert (own / "certs" / "c.pem").read_text() == "certificate and key"
    found.clear()
    it.once()
    assert fake.calls[2:] == ["remove slipway-dev"] and not own.exists()


def test_a_configuration_that_haproxy_refuses_is_tried_again(tmp_path: Path) -> None:
    fake, found = Fake(), [ONE]
    it = follower(tmp_path, fake, found)
    it.once()
    fake.broken, found[0] = True, replace(ONE, idle_s=30)
    for _ in range(2):
        with pytest.raises(Failed, match="not a valid configuration"):
            it.once()
    fake.broken = False
    it.once()
    assert fake.calls == ["create slipway-dev", "reload slipway-dev"]


def test_the_api_is_told_once_what_the_checks_see(tmp_path: Path) -> None:
    fake = Fake("# pxname,svname,status,check_status,check_code,\nblue,10.20.1.4:443,DOWN,L7STS,503,\n")
    it = follower(tmp_path, fake, [ONE])
    it.once()
    it.once()
    (told,) = fake.told
    assert told["group-arn"]["i-1"]["state"] == "unhealthy"
    fake.csv = fake.csv.replace("DOWN,L7STS,503", "UP,L7OK,200")
    it.once()
    assert fake.told[1]["group-arn"]["i-1"]["state"] == "healthy"


def names_and_key(file: Path) -> tuple[list[str], bool]:
    return authority.names_of(file), "PRIVATE KEY" in file.read_text()


def test_a_certificate_is_for_the_names_of_the_one_that_it_stands_for(tmp_path: Path) -> None:
    make_authority(tmp_path)
    file = tmp_path / "made" / "c.pem"
    authority.issue(tmp_path, file, ["api.example.com", "*.example.com"])
    assert names_and_key(file) == (["api.example.com", "*.example.com"], True)
    before = file.read_bytes()
    authority.issue(tmp_path, file, ["api.example.com", "*.example.com"])
    assert file.read_bytes() == before
    authority.issue(tmp_path, file, ["other.example.com"])
    assert names_and_key(file) == (["other.example.com"], True)


def make_authority(folder: Path) -> None:
    """A CA as the role lab_ca makes it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=ca", "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
