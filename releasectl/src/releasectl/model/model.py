"""The words of docs/architecture.md as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..startup.fast_dataclass import dataclass, field, replace
from .inflight import Limits

NO_SLOT = "none"
"""What the live map says when no slot is live."""
IN_MAINTENANCE = "maintenance"
"""What it says when a person took the traffic away: HAProxy tells clients the difference."""


@dataclass(frozen=True)
class Options:
    """How the container runs. Sizes in Docker's notation, times in seconds."""

    memory: str = "512m"
    cpus: str = "1.0"
    pids: int = 256
    container_port: int = 8080
    stop_timeout_s: int = 40
    user: str = "10001:10001"
    tmpfs: tuple[str, ...] = ("/tmp:size=64m",)
    cache: str | None = None
    """A folder in the container whose content outlives it; the service's releases share it. None: there is none."""
    ca: str | None = None
    """A file in the container with the authorities that the host trusts. None: only those of the image."""
    hosts: tuple[tuple[str, str], ...] = ()
    """Name → address of what the container cannot learn from its DNS, by name."""
    gpus: str | None = None
    """As `docker run --gpus` has it: `all` or a number. None: those of the engine's default runtime, if any."""
    gpu_memory: str | None = None
    """What it takes of each GPU at most. Nothing enforces it: preflight goes by it."""


# HAProxy sets these headers itself, from the connection and the name that the client asked for.
EDGE_OWNED = ("host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto")


@dataclass(frozen=True)
class Header:
    """A header of the gates' requests: its value, or the name of the release's secret that holds it."""

    name: str
    value: str = ""
    secret: str | None = None


@dataclass(frozen=True)
class Golden:
    """A known input and what a right candidate answers (`expect`: JSON subset, numbers within `tolerance`)."""

    name: str
    path: str
    method: str = "POST"
    body: Any = None
    status: int = 200
    expect: Any = None
    tolerance: float = 0.0
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Gates:
    """What a candidate passes before it gets traffic. `version_path` None: the identity gate is off."""

    liveness_path: str = "/health"
    readiness_path: str = "/ready"
    version_path: str | None = None
    golden: tuple[Golden, ...] = ()
    headers: tuple[Header, ...] = ()
    """Of every request to the release; a golden request's own come before them."""


@dataclass(frozen=True)
class Ref:
    """A release as other records mention it."""

    id: int
    version: str
    image: str
    model_version: str | None = None

    def __str__(self) -> str:
        return f"{self.version} (release {self.id})"


@dataclass(frozen=True)
class Canary:
    """How a candidate gets the traffic by and by. Times in seconds, ratios of requests and of mean latencies."""

    steps: tuple[int, ...]
    """Percent of the requests, rising."""
    step_s: float = 30
    min_requests: int = 50
    """Fewer are no evidence: a step waits for them, `wait_s` at the most."""
    max_error_ratio: float = 0.01
    """By how much the candidate's share of failed requests may be above the live release's."""
    max_latency_ratio: float = 1.5
    wait_s: float = 300
    on_silence: str = "abort"
    """`abort` or `promote`: what becomes of a step that never sees enough requests."""
    on_interrupt: str = "abort"
    """`abort` or `resume`: what recovery does with a canary that it finds."""
    hold: bool = False
    """Stay at the last step until a person ends it: an A/B split."""


@dataclass(frozen=True)
class Split:
    """How the edge shares out requests: `percent` of 100 to `canary`, the others to `live`."""

    live: str
    canary: str = NO_SLOT
    percent: int = 0
    standby: str = NO_SLOT
    """The slot that answers while `live` is down."""

    @property
    def whole(self) -> bool:
        return self.percent == 0


@dataclass(frozen=True)
class SecretVersion:
    """Where the value of a secret was read, and in which version. Never the value."""

    name: str
    """The variable of the container."""
    source: str
    """As `secretsmanager:slipway-prod/api-key` or `ssm:/slipway/prod/url`."""
    version: str


@dataclass(frozen=True)
class Release:
    """An immutable record. The values of env and secrets live in their own 0600 files."""

    ref: Ref
    options: Options
    gates: Gates
    env_keys: tuple[str, ...]
    secret_keys: tuple[str, ...]
    by: str
    reason: str
    created: float
    secret_versions: tuple[SecretVersion, ...] = ()
    """Of the secrets that the inventory names by reference."""


@dataclass(frozen=True)
class Settings:
    """The container's environment. Never printed: `repr` shows nothing of it."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Live:
    ref: Ref
    slot: str
    since: float
    via: str
    """`deploy` or `rollback`: how it became live."""


@dataclass(frozen=True)
class Moment:
    """Two clocks at once, in seconds: people read the wall clock, which may jump; the other one counts."""

    wall: float
    monotonic: float


@dataclass(frozen=True)
class Standby:
    ref: Ref
    slot: str
    since: float
    until: float
    """As the wall clock went when it began to stand by."""
    ends: float | None = None
    """The same on the monotonic clock, which counts. None: an older engine wrote it."""

    def left_s(self, at: Moment) -> float:
        return self.until - at.wall if self.ends is None else self.ends - at.monotonic


@dataclass(frozen=True)
class Maintenance:
    """A person took the traffic away: the edge answers for the service until it is ended."""

    since: float
    by: str
    reason: str
    boot: str = ""
    """Which boot of the host it began in, if the next one ends it; empty: only a person does."""


@dataclass(frozen=True)
class State:
    """The truth about a service on this host. `previous` is the release that was live before."""

    live: Live | None = None
    standby: Standby | None = None
    previous: Ref | None = None
    maintenance: Maintenance | None = None

    @property
    def routed(self) -> str:
        """What the live map must say."""
        if self.maintenance:
            return IN_MAINTENANCE
        return self.live.slot if self.live else NO_SLOT

    @property
    def failover(self) -> str:
        """The slot that the live map must name as the standby of `routed`."""
        return self.standby.slot if self.standby and self.live and not self.maintenance else NO_SLOT

    def without_standby(self) -> State:
        return replace(self, standby=None)


@dataclass(frozen=True)
class Deadlines:
    """Seconds. Every wait of the engine has one."""

    lock: float = 5
    pull: float = 600
    start: float = 30
    liveness: float = 30
    readiness: float = 60
    golden: float = 20
    switch: float = 5


@dataclass(frozen=True)
class FrontDoor:
    """How a client reaches the service. `ca`: PEM file that signs its certificate, None: what this host trusts."""

    name: str
    ca: str | None = None

    @property
    def host(self) -> str:
        """What a client says in Host. Of a wildcard any name will do."""
        return self.name.replace("*", "any", 1)


@dataclass(frozen=True)
class Config:
    """service.json: the host-side settings of a service."""

    service: str
    slots: Mapping[str, int]
    haproxy_socket: str
    live_map: str
    backend_prefix: str
    drain: Limits
    standby_s: float
    retain: int
    min_free_mb: int
    deadlines: Deadlines
    strategy: str = "blue_green"
    """`blue_green`, or `stop_first` where two releases do not fit side by side."""
    bake_s: float = 0
    bake_max_error_ratio: float = 0.05
    front_door: FrontDoor | None = None
    hook_timeout_s: float = 30
    retain_mb: int = 0
    """0: releases are kept by count alone."""
    memory_reserve_mb: int = 256
    """What the host's memory keeps for everything but releases."""
    failover_after: int = 3
    """The live release is rolled back when it went down so often within five minutes; 0: never."""
    haproxy_master: str = "/run/haproxy-master.sock"
    """Where Debian's unit of HAProxy has it: through it the workers of before a reload are spoken to."""
    host: str = ""
    """This host's name in the inventory, for the commands that messages recommend; empty: unknown."""

    def backend(self, slot: str) -> str:
        return self.backend_prefix + slot

    def unit(self, slot: str) -> str:
        return f"{self.service}@{slot}.service"

    def container(self, slot: str) -> str:
        return f"{self.service}-{slot}"

    def other(self, slot: str) -> str:
        return next(name for name in self.slots if name != slot)
