"""Instances come alive: one container with systemd for each instance that the AWS API says is there.

`plan` compares what the API says with what Docker has and names what to do; `Reconciler` asks, does it, and asks again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import shell
from .follow import INTERVAL_S, Follower
from .settings import LABEL, PREFIX, SUITES, VPC_BRIDGE, VPC_NETWORK, Vpc


@dataclass(frozen=True)
class Instance:
    """What the API says of an instance."""

    id: str
    state: str
    image_name: str
    vpc_id: str
    private_ip: str
    public_ip: str | None
    boot: str  # changes with every reboot

    @property
    def suite(self) -> str:
        """The Debian suite of its image. Raises Failed where the lab has none."""
        for name, suite in SUITES.items():
            if self.image_name.startswith(f"{name}-amd64"):
                return suite
        raise shell.Failed(
            f"{self.id} is to boot {self.image_name or 'an unknown image'}, and this machine can play "
            f"{', '.join(f'{n}-amd64' for n in SUITES)}: choose size.os and size.architecture in terraform.tfvars."
        )


@dataclass(frozen=True)
class Host:
    """What Docker has for an instance."""

    id: str
    running: bool
    public_ip: str | None
    boot: str


@dataclass(frozen=True)
class Action:
    verb: str  # create, start, stop, reboot, remove, address
    id: str


def plan(instances: Iterable[Instance], hosts: Iterable[Host]) -> list[Action]:
    """What to do, in order: what is gone first, since an address may be given again."""
    wanted, have = {i.id: i for i in instances if i.state != "terminated"}, {h.id: h for h in hosts}
    actions = [Action("remove", it) for it in have if it not in wanted]
    for it in wanted.values():
        host = have.get(it.id)
        alive = it.state in ("pending", "running")
        if host is None:
            actions += [Action("create", it.id)] if alive else []
        elif it.state in ("stopping", "stopped"):
            actions += [Action("stop", it.id)] if host.running else []
        elif alive and not host.running:
            actions += [Action("start", it.id)]
        elif alive and host.boot != it.boot:
            actions += [Action("reboot", it.id)]
        elif alive and host.public_ip != it.public_ip:
            actions += [Action("address", it.id)]
    return actions


def instances_of(described: dict[str, Any], images: dict[str, str]) -> list[Instance]:
    """From DescribeInstances, and the names of images by id."""
    return [
        Instance(
            id=it["InstanceId"],
            state=it["State"]["Name"],
            image_name=images.get(it["ImageId"], ""),
            vpc_id=it.get("VpcId", ""),
            private_ip=it.get("PrivateIpAddress", ""),
            public_ip=it.get("PublicIpAddress"),
            boot=it.get("StateTransitionReason", "") if it["State"]["Name"] == "running" else "",
        )
        for reservation in described["Reservations"]
        for it in reservation["Instances"]
    ]


def name(instance_id: str) -> str:
    return f"{PREFIX}-{instance_id}"


def create_command(it: Instance, image: str, vpc: Vpc) -> list[str]:
    """`docker run` of a host: systemd as its first process, a Docker engine within, no more rights than that needs."""
    return [
        "docker", "run", "--detach", f"--name={name(it.id)}", f"--hostname=ip-{it.private_ip.replace('.', '-')}",
        f"--network={VPC_NETWORK}", f"--ip={it.private_ip}", f"--dns={vpc.resolver}",
        "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined", "--device-cgroup-rule=a *:* rwm",
        "--cgroupns=host", "--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec",
        "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", f"--volume={name(it.id)}-docker:/var/lib/docker",
        f"--label={LABEL}=instance", f"--label={LABEL}.id={it.id}", image,
    ]  # fmt: skip


@dataclass
class Docker:
    """The hosts, by Docker's client. One call each."""

    images: Callable[[str], str]  # suite → image
    # What containers cannot tell: the boot that a host has followed, the public address that it has.
    boots: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str | None] = field(default_factory=dict)

    def hosts(self) -> list[Host]:
        found = shell.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}=instance").split()
        if not found:
            return []
        return [
            Host(
                id=(own := it["Config"]["Labels"][f"{LABEL}.id"]),
                running=it["State"]["Running"],
                public_ip=self.addresses.get(own),
                boot=self.boots.get(own, ""),
            )
            for it in json.loads(shell.docker("inspect", *found))
        ]

    def create(self, it: Instance, vpc: Vpc) -> None:
        shell.run(create_command(it, self.images(it.suite), vpc))
        self._up(it)

    def start(self, it: Instance) -> None:
        shell.docker("start", name(it.id))
        self._up(it)

    def stop(self, it: Instance) -> None:
        shell.docker("stop", "--time=60", name(it.id))
        self._forget_address(it.id)

    def reboot(self, it: Instance) -> None:
        shell.docker("restart", "--time=60", name(it.id))
        self._up(it)

    def remove(self, instance_id: str) -> None:
        shell.docker("rm", "--force", "--volumes", name(instance_id))
        shell.docker("volume", "rm", "--force", f"{name(instance_id)}-docker")
        self._forget_address(instance_id)
        self.boots.pop(instance_id, None)

    def address(self, it: Instance) -> None:
        """The public address, as the internet gateway would translate it: here the host has it itself, on its loopback,
        and this machine a route to it."""
        old = self.addresses.get(it.id)
        if old:
            shell.run(["docker", "exec", name(it.id), "ip", "address", "del", f"{old}/32", "dev", "lo"], ok=(0, 2))
        self._forget_address(it.id)
        if it.public_ip:
            shell.run(["docker", "exec", name(it.id), "ip", "address", "replace", f"{it.public_ip}/32", "dev", "lo"])
            shell.run(shell.privileged("ip", "route", "replace", f"{it.public_ip}/32", "dev", VPC_BRIDGE))
        self.addresses[it.id] = it.public_ip

    def _up(self, it: Instance) -> None:
        self.boots[it.id] = it.boot
        self.addresses.pop(it.id, None)
        self.address(it)

    def _forget_address(self, instance_id: str) -> None:
        if old := self.addresses.pop(instance_id, None):
            shell.run(shell.privileged("ip", "route", "del", f"{old}/32", "dev", VPC_BRIDGE), ok=(0, 1, 2))


@dataclass
class Reconciler(Follower):
    describe: Callable[[], list[Instance]]
    network: Callable[[str], Vpc]  # of a VPC; made where there is none yet
    docker: Docker
    say: Callable[[str], None]
    what: str = "instances"
    trouble: str = ""
    interval_s: float = INTERVAL_S
    stopping: threading.Event = field(default_factory=threading.Event)

    def once(self) -> None:
        instances = {i.id: i for i in self.describe()}
        for action in plan(instances.values(), self.docker.hosts()):
            self.say(f"{action.verb} {action.id}")
            if action.verb == "remove":
                self.docker.remove(action.id)
            elif action.verb == "create":
                self.docker.create(instances[action.id], self.network(instances[action.id].vpc_id))
            else:
                {
                    "start": self.docker.start,
                    "stop": self.docker.stop,
                    "reboot": self.docker.reboot,
                    "address": self.docker.address,
                }[action.verb](instances[action.id])

    def runs(self, instance_id: str) -> bool:
        return any(h.id == instance_id and h.running for h in self.docker.hosts())

    def wait(self, instance_id: str, deadline_s: float) -> None:
        """Until its host runs. Raises Failed with what stood in the way."""
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            if self.runs(instance_id):
                return
            time.sleep(1)
        raise shell.Failed(f"{instance_id} did not come alive within {deadline_s:.0f} s: {self.trouble or 'no cause'}")
