"""Load balancers come alive: one HAProxy in a container for each application load balancer that the AWS API has.

A round asks the API, writes the configuration, starts, reloads or removes the containers, and tells the API what the
health checks see. What a load balancer's configuration is: rehearsal/haproxy.py; what the API says: rehearsal/elb.py.
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import authority, elb, haproxy, shell
from .flags import TARGET_HEALTH
from .follow import INTERVAL_S, Follower
from .haproxy import Balancer
from .settings import LABEL, PREFIX, VPC_NETWORK, Vpc

READY_S = 15.0
KIND = "balancer"
PROGRAM = ["haproxy", "-W", "-db", "-f", f"{haproxy.FOLDER}/{haproxy.CONFIG}"]


@dataclass(frozen=True)
class Action:
    verb: str  # create, reload, remove
    name: str


def plan(wanted: Mapping[str, bool], running: Mapping[str, bool]) -> list[Action]:
    """What to do. wanted: load balancer → whether its configuration is new; running: container → whether it runs."""
    actions = [Action("remove", it) for it in running if it not in wanted]
    for name, new in wanted.items():
        if name not in running:
            actions.append(Action("create", name))
        elif not running[name]:
            actions += [Action("remove", name), Action("create", name)]
        elif new:
            actions.append(Action("reload", name))
    return actions


def container(name: str) -> str:
    return f"{PREFIX}-{KIND}-{name}"


def create_command(it: Balancer, folder: Path, image: str, vpc: Vpc) -> list[str]:
    return [
        "docker", "run", "--detach", "--init", f"--name={container(it.name)}", f"--network={VPC_NETWORK}",
        f"--ip={it.address}", f"--dns={vpc.resolver}", f"--label={LABEL}={KIND}", f"--label={LABEL}.id={it.name}",
        f"--volume={folder}:{haproxy.FOLDER}:ro", image, *PROGRAM,
    ]  # fmt: skip


@dataclass
class Docker:
    """The containers, and the HAProxy in each. One call each."""

    image: Callable[[], str]

    def running(self) -> dict[str, bool]:
        """Load balancer → whether its container runs."""
        found = shell.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={KIND}").split()
        described = json.loads(shell.docker("inspect", *found)) if found else []
        return {it["Config"]["Labels"][f"{LABEL}.id"]: it["State"]["Running"] for it in described}

    def create(self, it: Balancer, folder: Path, vpc: Vpc) -> None:
        shell.run(create_command(it, folder, self.image(), vpc))
        try:
            shell.wait_for(f"HAProxy of {it.name}", lambda: bool(self.statistics(it)), READY_S)
        except shell.Failed as error:
            raise shell.Failed(f"{error}\n{shell.docker('logs', '--tail=20', container(it.name))}") from None

    def check(self, name: str) -> None:
        """Raises Failed with HAProxy's words when it would not take the configuration."""
        shell.docker("exec", container(name), "haproxy", "-c", "-q", "-f", f"{haproxy.FOLDER}/{haproxy.CONFIG}")

    def reload(self, name: str) -> None:
        """The old process ends the requests in flight, the new one serves. --init passes the signal on."""
        shell.docker("kill", "--signal=USR2", container(name))

    def remove(self, name: str) -> None:
        shell.docker("rm", "--force", container(name))

    def statistics(self, it: Balancer) -> str:
        with urllib.request.urlopen(f"http://{it.address}:{haproxy.STATS_PORT}/;csv", timeout=5) as answer:
            return str(answer.read().decode())

    def states(self, it: Balancer) -> list[str]:
        """`show servers state`: what a reload has to keep."""
        with socket.create_connection((it.address, haproxy.CONTROL_PORT), timeout=5) as connection:
            connection.sendall(b"show servers state\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.decode().splitlines()

    def tell(self, aws: str, health: str) -> None:
        """The health of the targets, to the AWS API (rehearsal/patches/target_health.py)."""
        script = f"cat > {TARGET_HEALTH}.new && mv {TARGET_HEALTH}.new {TARGET_HEALTH}"
        shell.run(["docker", "exec", "--interactive", aws, "sh", "-c", script], input=health)


@dataclass
class Files:
    """What a container reads: haproxy.cfg, certificates, the servers' states."""

    folder: Path
    ca: Path
    names: Callable[[str], list[str]]  # certificate (ARN) → the names that it is for

    def of(self, name: str) -> Path:
        return self.folder / name

    def certificate(self, arn: str) -> str:
        """The file of a certificate: the key never leaves ACM, so the rehearsal's CA issues one for the same names."""
        made = self.folder / "certificates" / f"{arn.rpartition('/')[2]}.pem"
        authority.issue(self.ca, made, self.names(arn))
        return made.name

    def write(self, it: Balancer, text: str, known: Iterable[str]) -> bool:
        """The configuration; whether it differs from that of before. Nothing is written otherwise."""
        own = self.of(it.name)
        config = own / haproxy.CONFIG
        if config.exists() and config.read_text() == text:
            return False
        (own / "certs").mkdir(parents=True, exist_ok=True)
        for name in {name for listener in it.listeners for name in listener.certificates}:
            shutil.copyfile(self.folder / "certificates" / name, own / "certs" / name)
        (own / "502.http").write_text(haproxy.BAD_GATEWAY, newline="")
        (own / haproxy.STATES).write_text(haproxy.states(it, known))
        config.write_text(text)
        return True

    def again(self, name: str) -> None:
        """The next round writes the configuration once more."""
        (self.of(name) / haproxy.CONFIG).unlink()

    def remove(self, name: str) -> None:
        shutil.rmtree(self.of(name), ignore_errors=True)


@dataclass
class Balancers(Follower):
    """Follows the API's load balancers. What cannot be played is kept in `trouble`."""

    describe: Callable[[Callable[[str], str]], list[Balancer]]
    network: Callable[[str], Vpc]  # of a VPC; made where there is none yet
    docker: Docker
    files: Files
    aws: str  # the container of the AWS API
    say: Callable[[str], None]
    what: str = "load balancers"
    trouble: str = ""
    told: str | None = None  # None: whatever an earlier rehearsal has told
    interval_s: float = INTERVAL_S
    stopping: threading.Event = field(default_factory=threading.Event)

    def once(self) -> None:
        balancers = {it.name: it for it in self.describe(self.files.certificate)}
        running = self.docker.running()
        new = {
            name: self.files.write(it, haproxy.config(it), self.docker.states(it) if running.get(name) else ())
            for name, it in balancers.items()
        }
        for action in plan(new, running):
            self.say(f"{action.verb} load balancer {action.name}")
            if action.verb == "create":
                it = balancers[action.name]
                self.docker.create(it, self.files.of(it.name), self.network(it.vpc_id))
            elif action.verb == "reload":
                self.reload(action.name)
            else:
                self.docker.remove(action.name)
                if action.name not in balancers:
                    self.files.remove(action.name)
        self.tell(balancers.values())

    def reload(self, name: str) -> None:
        try:
            self.docker.check(name)
        except shell.Failed:
            self.files.again(name)
            raise
        self.docker.reload(name)

    def tell(self, balancers: Iterable[Balancer]) -> None:
        """The health of the targets, when it has changed."""
        found: dict[str, Any] = {}
        for it in balancers:
            found |= elb.health(it, self.docker.statistics(it))
        text = json.dumps(found, sort_keys=True)
        if text != self.told:
            self.docker.tell(self.aws, text)
            self.told = text
