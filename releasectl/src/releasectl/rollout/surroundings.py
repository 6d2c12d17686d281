"""What the status looks at beside the records of the service: units, certificate, registry, clock, files, room."""

from __future__ import annotations

from collections.abc import Mapping

from ..documents.timestamps import age
from ..startup.fast_dataclass import dataclass, field
from .wanted import Wanted

HAPROXY, DOCKERD, SOCKET, CONTAINERD = "haproxy.service", "docker.service", "docker.socket", "containerd.service"
CERTBOT, CLOCK = "certbot.timer", "systemd-timesyncd.service"
# Of the files that were changed, so many are named.
SHOWN_FILES = 3


@dataclass(frozen=True)
class Unit:
    """A unit as systemd knows it (`systemctl show`): LoadState, ActiveState, UnitFileState."""

    load: str
    active: str
    enabled: str = ""
    skipped: bool = False
    """A condition of the unit keeps it down, as in a container the one that sets the clock."""
    pid: int = 0
    """Its main process; 0: it has none."""

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
class ChangedFile:
    path: str
    how: str
    """`content`, `mode 0644 → 0666`, `owner bob`, `removed`."""
    at: float | None = None
    """By the times of the file (seconds since the epoch); None: nothing is left that tells."""
    logins: tuple[str, ...] = ()
    """Who was logged in at that time: `NAME from ADDRESS`. Linux does not record who changed a file."""

    def describe(self, now: float) -> str:
        since = f", {age(now - self.at)} ago" if self.at is not None else ""
        who = f"; logged in at that time: {', '.join(self.logins)}" if self.logins else ""
        return f"{self.path} ({self.how}{since}{who})"


@dataclass(frozen=True)
class Changed:
    """The files of the roles that are no longer as the last converge left them."""

    converged: float
    by: str
    files: tuple[ChangedFile, ...] = ()


@dataclass(frozen=True)
class Backup:
    """When the last one was stored (or backups began), since when they fail and why (seconds since the epoch)."""

    stored: float
    failing_since: float | None = None
    cause: str = ""


@dataclass(frozen=True)
class DiskRoom:
    path: str
    free_mb: int
    free_files: int | None
    """Free inodes; None: the file system has no limit."""


@dataclass(frozen=True)
class Surroundings:
    """What was seen; where nothing is known, nothing is wrong."""

    units: Mapping[str, Unit] = field(default_factory=dict)
    certificates: Certificates | None = None
    edge_error: str = ""
    """HAProxy's own words on its configuration, with file and line; empty: the configuration is valid."""
    registry_error: str | None = None
    """Why it cannot be reached; empty: it can; None: not asked."""
    store_error: str | None = None
    """As `registry_error`."""
    clock_synchronized: bool | None = None
    changed: Changed | None = None
    """None: no converge has left a record, or only root can read it."""
    backup: Backup | None = None
    """None: this host is not backed up."""
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Unit → programs and libraries that its main process runs, and that an upgrade has replaced."""
    records_room: DiskRoom | None = None
    """On the disk of the records."""
    reboot: str = ""
    """Why the host needs a reboot; empty: it does not."""
    wanted: Wanted | None = None
    """None: no deploy has recorded it."""


def recovery_timer(service: str) -> str:
    return f"slipway-recover@{service}.timer"


def watchdog_timer(service: str) -> str:
    return f"slipway-watchdog@{service}.timer"


def own_timers(service: str) -> tuple[str, str]:
    return recovery_timer(service), watchdog_timer(service)


def watched_units(service: str) -> tuple[str, ...]:
    timers = own_timers(service)
    services = (it.removesuffix("timer") + "service" for it in timers)
    return (HAPROXY, DOCKERD, SOCKET, CONTAINERD, CERTBOT, CLOCK, *timers, *services)
