"""The lab's network: services cut off, a host that reaches less, or that has one more name."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import lab

NETWORK = "slipway-lab"


@contextmanager
def cut(*names: str) -> Iterator[None]:
    """Services of the lab (registry, acme, aws) off the network for a while; they keep what they have in memory."""
    ends = {name: _end_of(f"slipway-lab-{name}") for name in names}
    with services(fcntl.LOCK_EX):
        try:
            for name in names:
                _disconnect(f"slipway-lab-{name}")
            yield
        finally:
            for name, (address, aliases) in ends.items():
                _connect(f"slipway-lab-{name}", address, aliases)


@contextmanager
def services(how: int = fcntl.LOCK_SH) -> Iterator[None]:
    """The lab's services stay as they are meanwhile: tests on another host may be running, too."""
    with (lab.ROOT / ".lab" / "services.lock").open("w") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def unreachable(name: str, boots: bool = False) -> Iterator[None]:
    """A name that this host alone cannot reach; the others do. `boots`: nor when it has booted meanwhile."""
    address = lab.on_host("getent", "ahostsv4", name).split()[0]
    unit = "/etc/systemd/system/unreachable.service"
    lab.on_host("ip", "route", "add", "unreachable", address)
    if boots:
        text = f"[Unit]\nBefore=docker.service\n[Service]\nType=oneshot\nExecStart=ip route add unreachable {address}"
        lab.write(unit, f"{text}\n[Install]\nWantedBy=multi-user.target")
        lab.on_host("systemctl", "enable", "--quiet", "unreachable")
    try:
        yield
    finally:
        if boots:
            lab.on_host("systemctl", "disable", "--quiet", "unreachable")
            lab.on_host("rm", unit)
        lab.on_host("ip", "route", "del", "unreachable", address)


@contextmanager
def also_named(name: str) -> Iterator[None]:
    """The host has a further name on the lab's network."""
    address, aliases = _end_of(lab.CONTAINER)
    _disconnect(lab.CONTAINER)
    _connect(lab.CONTAINER, address, [*aliases, name])
    try:
        yield
    finally:
        _disconnect(lab.CONTAINER)
        _connect(lab.CONTAINER, address, aliases)


def address() -> str:
    return _end_of(lab.CONTAINER)[0]


def login(user: str, key: Path = lab.ROOT / ".lab/ssh/id_ed25519") -> tuple[str, ...]:
    """How a person gets into the host, by this key and by nothing else; a command may follow."""
    options = ("IdentitiesOnly=yes", "BatchMode=yes", f'UserKnownHostsFile="{lab.ROOT}/.lab/ssh/known_hosts"')
    words = [word for option in options for word in ("-o", option)]
    return ("ssh", "-i", str(key), *words, f"{user}@{address()}")


def _disconnect(container: str) -> None:
    lab.good(lab.run("docker", "network", "disconnect", NETWORK, container))


def _connect(container: str, address: str, aliases: list[str]) -> None:
    words = [word for alias in aliases for word in ("--alias", alias)]
    lab.good(lab.run("docker", "network", "connect", "--ip", address, *words, NETWORK, container))


def _end_of(container: str) -> tuple[str, list[str]]:
    """(address, names) of a container on the lab's network."""
    found = json.loads(lab.good(lab.run("docker", "inspect", container)).out)[0]["NetworkSettings"]["Networks"][NETWORK]
    return found["IPAddress"], found["Aliases"]
