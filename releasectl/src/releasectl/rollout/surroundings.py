"""
Pure: what the status looks at beside the records of the service (units, certificate, registry, clock, room), and what
is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..startup.fast_dataclass import dataclass, field
from .capacity import Memory
from .finding import CERTIFICATE, DOCKER, EDGE, HOST, Finding

HAPROXY, DOCKERD, SOCKET, CONTAINERD = "haproxy.service", "docker.service", "docker.socket", "containerd.service"
CERTBOT, CLOCK = "certbot.timer", "systemd-timesyncd.service"
# certbot renews in the last third of a certificate's life, so one with less than a sixth left was not renewed.
LIFE_LEFT = 1 / 6
LOW_MEMORY_MB = 64


@dataclass(frozen=True)
class Unit:
    """A unit as systemd knows it (`systemctl show`): LoadState, ActiveState, UnitFileState."""

    load: str
    active: str
    enabled: str = ""
    skipped: bool = False
    """A condition of the unit keeps it down, as in a container the one that sets the clock."""

    @property
    def exists(self) -> bool:
        return self.load != "not-found"

    @property
    def masked(self) -> bool:
        return self.load == "masked" or self.enabled.startswith("masked")

    @property
    def up(self) -> bool:
        return self.skipped or self.active in ("active", "activating", "reloading")

    @property
    def rests(self) -> bool:
        """A timer that does not work, now or after the next boot."""
        return self.exists and (self.masked or not self.up or self.enabled == "disabled")

    @property
    def state(self) -> str:
        """What keeps it from doing its work."""
        if self.masked:
            return "masked"
        return "disabled" if self.up else "not active" if self.active == "inactive" else self.active


@dataclass(frozen=True)
class Leaf:
    """A certificate: its serial number (hexadecimal), and when it ends (seconds since the epoch)."""

    serial: str
    begins: float
    ends: float
    self_signed: bool = False


@dataclass(frozen=True)
class Certificates:
    """The certificate as HAProxy serves it, as it is on disk, and as certbot has it. None: there is none."""

    path: str
    served_at: str
    hook: str
    served: Leaf | None = None
    on_disk: Leaf | None = None
    certbots: Leaf | None = None
    hook_runs: bool | None = None
    """None: there is no hook."""


@dataclass(frozen=True)
class Surroundings:
    """What was seen; where nothing is known, nothing is wrong."""

    units: Mapping[str, Unit] = field(default_factory=dict)
    certificates: Certificates | None = None
    edge_error: str = ""
    """HAProxy's own words on its configuration, with file and line; empty: the configuration is valid."""
    registry_error: str = ""
    clock_synchronized: bool | None = None


def converge(host: str, tags: str) -> str:
    return f"ansible-playbook site.yml --limit {host} --tags {tags} --skip-tags rollout"


def recovery_timer(service: str) -> str:
    return f"slipway-recover@{service}.timer"


def watchdog_timer(service: str) -> str:
    return f"slipway-watchdog@{service}.timer"


def own_timers(service: str) -> tuple[str, str]:
    return recovery_timer(service), watchdog_timer(service)


def watched_units(service: str) -> tuple[str, ...]:
    return (HAPROXY, DOCKERD, SOCKET, CONTAINERD, CERTBOT, CLOCK, *own_timers(service))


def unit_findings(seen: Surroundings, service: str) -> tuple[Finding, ...]:
    units = seen.units
    found = [*_docker(units), *_haproxy(seen)]
    timer, watchdog = own_timers(service)
    if (it := units.get(timer)) and it.rests:
        found.append(Finding(HOST, f"the recovery timer is {it.state}: nothing is repaired", _enable(it, timer)))
    if (it := units.get(watchdog)) and it.rests:
        cause = f"the watchdog timer is {it.state}: nothing starts a stopped recovery timer again"
        found.append(Finding(HOST, cause, _enable(it, watchdog)))
    if (it := units.get(CERTBOT)) and it.exists and not it.up:
        cause = f"certbot.timer is {it.state}: the certificate is not renewed"
        found.append(Finding(HOST, cause, _enable(it, CERTBOT)))
    if (it := units.get(CLOCK)) and it.exists and not it.up:
        cause = f"systemd-timesyncd.service is {it.state}: nothing sets the clock"
        found.append(Finding(HOST, cause, _enable(it, CLOCK)))
    if seen.clock_synchronized is False and (it := units.get(CLOCK)) and it.active == "active":
        found.append(Finding(HOST, "the clock is not synchronized", f"sudo systemctl restart {CLOCK}"))
    return tuple(found)


def _docker(units: Mapping[str, Unit]) -> list[Finding]:
    masked = [name for name in (SOCKET, DOCKERD, CONTAINERD) if name in units and units[name].masked]
    if masked:
        names = " ".join(name.removesuffix(".service") for name in masked)
        cause = f"{masked[0]} is masked" if len(masked) == 1 else f"{' and '.join(masked)} are masked"
        return [Finding(DOCKER, cause, f"sudo systemctl unmask {names} && sudo systemctl start {names}")]
    docker = units.get(DOCKERD)
    if docker and docker.exists and not docker.up:
        return [Finding(DOCKER, f"docker.service is {docker.state}", f"sudo systemctl start {SOCKET} {DOCKERD}")]
    return []


def _haproxy(seen: Surroundings) -> list[Finding]:
    unit = seen.units.get(HAPROXY)
    if unit and unit.masked:
        fix = "sudo systemctl unmask haproxy && sudo systemctl start haproxy"
        return [Finding(EDGE, "haproxy.service is masked", fix)]
    if unit and unit.exists and not unit.up and not seen.edge_error:
        return [Finding(EDGE, f"haproxy.service is {unit.state}", "sudo systemctl restart haproxy")]
    return []


def _enable(unit: Unit, name: str) -> str:
    unmask = f"sudo systemctl unmask {name} && " if unit.masked else ""
    return f"{unmask}sudo systemctl enable --now {name}"


def edge_findings(seen: Surroundings, host: str) -> tuple[Finding, ...]:
    return (Finding(EDGE, seen.edge_error, converge(host, "edge")),) if seen.edge_error else ()


def registry_findings(seen: Surroundings) -> tuple[Finding, ...]:
    if not seen.registry_error:
        return ()
    fix = "check the network and the DNS of this host (resolvectl status). What is live is served without it"
    return (Finding(HOST, f"{seen.registry_error}: no new image can be pulled", fix),)


def certificate_findings(it: Certificates | None, now: float, host: str) -> tuple[Finding, ...]:
    if it is None:
        return ()
    found: list[Finding] = []
    if it.hook_runs is False:
        fix = f"sudo chmod 0755 {it.hook} && sudo releasectl certificate install"
        found.append(Finding(CERTIFICATE, f"certbot's hook {it.hook} is not executable", fix))
    served, disk, certbots = it.served, it.on_disk, it.certbots
    at = it.served_at.rpartition(":")[2]
    if served and certbots and served.serial != certbots.serial:
        kind = "a self-signed certificate" if served.self_signed else "another certificate than certbot has"
        found.append(
            Finding(
                CERTIFICATE,
                f"{at} serves {kind} (serial {served.serial}); certbot has serial {certbots.serial}",
                "sudo releasectl certificate install",
            )
        )
    elif disk and certbots and disk.serial != certbots.serial:
        # Before the next one: a reload would serve the wrong file.
        found.append(
            Finding(
                CERTIFICATE,
                f"{it.path} has serial {disk.serial}; certbot has serial {certbots.serial}",
                "sudo releasectl certificate install",
            )
        )
    elif served and disk and served.serial != disk.serial:
        found.append(
            Finding(
                CERTIFICATE,
                f"{at} serves serial {served.serial}; {it.path} has serial {disk.serial}",
                "sudo systemctl reload haproxy",
            )
        )
    if served and not found and served.ends - now < (served.ends - served.begins) * LIFE_LEFT:
        days = (served.ends - now) / 86400
        when = f"ends in {days:.1f} days" if days > 0 else f"has ended {-days:.1f} days ago"
        fix = converge(host, "tls") if not certbots else "sudo systemctl start certbot && sudo journalctl -u certbot"
        found.append(Finding(CERTIFICATE, f"the certificate at {at} {when} (serial {served.serial})", fix))
    return tuple(found)


def room_findings(free_mb: int | None, min_free_mb: int, memory: Memory | None) -> tuple[Finding, ...]:
    found = []
    if free_mb is not None and free_mb < min_free_mb:
        cause = f"{free_mb} MB free on Docker's disk: below {min_free_mb} MB every deploy is refused"
        found.append(Finding(HOST, cause, "sudo releasectl prune; docker system df"))
    if memory and memory.available_mb < LOW_MEMORY_MB:
        cause = f"{memory.available_mb} MB of {memory.total_mb} MB memory are available"
        found.append(Finding(HOST, cause, "see which process has it: ps aux --sort=-rss | head"))
    return tuple(found)
