"""Which host is made, stopped, restarted or removed for what the AWS API says of an instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rehearsal.instances import Action, Host, Instance, Reconciler, create_command, instances_of, plan
from rehearsal.settings import Vpc
from rehearsal.shell import Failed

VPC = Vpc("vpc-1", "10.20.0.0/16")
RUNNING = Instance("i-1", "running", "debian-12-amd64", "vpc-1", "10.20.1.4", "54.1.2.3", "")
HOST = Host("i-1", True, "54.1.2.3", "")


@pytest.mark.parametrize(
    ("instance", "host", "verb"),
    [
        (RUNNING, None, "create"),
        (replace(RUNNING, state="pending"), None, "create"),
        (RUNNING, HOST, None),
        (replace(RUNNING, state="stopping"), HOST, "stop"),
        (replace(RUNNING, state="stopped"), HOST, "stop"),
        (replace(RUNNING, state="stopped"), replace(HOST, running=False), None),
        (replace(RUNNING, state="stopped"), None, None),
        (RUNNING, replace(HOST, running=False), "start"),
        (replace(RUNNING, boot="User initiated reboot (1)"), HOST, "reboot"),
        (replace(RUNNING, public_ip="54.9.9.9"), HOST, "address"),
        (replace(RUNNING, public_ip=None), HOST, "address"),
        (replace(RUNNING, state="terminated"), HOST, "remove"),
        (replace(RUNNING, state="terminated"), None, None),
    ],
)
def test_a_host_follows_its_instance(instance: Instance, host: Host | None, verb: str | None) -> None:
    assert plan([instance], [host] if host else []) == ([Action(verb, "i-1")] if verb else [])


def test_an_address_is_free_before_it_is_given_again() -> None:
    new = replace(RUNNING, id="i-2")
    assert plan([new], [HOST]) == [Action("remove", "i-1"), Action("create", "i-2")]


def test_the_api_s_words_become_an_instance() -> None:
    described = {
        "Reservations": [
            {
                "Instances": [
                    {
                        "InstanceId": "i-1",
                        "State": {"Name": "running"},
                        "ImageId": "ami-1",
                        "VpcId": "vpc-1",
                        "PrivateIpAddress": "10.20.1.4",
                        "PublicIpAddress": "54.1.2.3",
                        "StateTransitionReason": "",
                    }
                ]
            }
        ]
    }
    assert instances_of(described, {"ami-1": "debian-12-amd64"}) == [RUNNING]


def test_a_stop_is_no_reboot() -> None:
    stopped = {"InstanceId": "i-1", "State": {"Name": "stopped"}, "ImageId": "", "StateTransitionReason": "User (1)"}
    (found,) = instances_of({"Reservations": [{"Instances": [stopped]}]}, {})
    assert found.boot == ""


def test_a_host_has_the_instance_s_address_and_the_vpc_s_resolver() -> None:
    command = create_command(RUNNING, "image", VPC)
    assert {"--ip=10.20.1.4", "--dns=10.20.0.2", "--hostname=ip-10-20-1-4"} < set(command)
    assert "--privileged" not in command and command[-1] == "image"


@pytest.mark.parametrize("image", ["debian-12-arm64", "ubuntu-24.04-amd64", ""])
def test_an_image_that_cannot_be_played_is_refused_by_name(image: str) -> None:
    with pytest.raises(Failed, match=image or "an unknown image"):
        _ = replace(RUNNING, image_name=image).suite


class Fake:
    """Docker, as far as the reconciler knows it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def hosts(self) -> list[Host]:
        return []

    def create(self, it: Instance, vpc: Vpc) -> None:
        self.calls.append((it.id, vpc.resolver))


def test_a_failure_is_kept_and_does_not_end_the_reconciler() -> None:
    said: list[str] = []
    fake: Any = Fake()
    answers: Iterator[Failed | list[Instance]] = iter([Failed("the API is down"), [RUNNING]])

    def describe() -> list[Instance]:
        answer = next(answers)
        if isinstance(answer, Failed):
            raise answer
        reconciler.stopping.set()
        return answer

    reconciler = Reconciler(describe, lambda _: VPC, fake, said.append, interval_s=0)
    reconciler.loop()
    assert fake.calls == [("i-1", "10.20.0.2")]
    assert said[0] == "cannot follow the instances: the API is down" and reconciler.trouble == ""
