"""A host in memory: what a power cut keeps, what it takes, and how the containers on it behave."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from releasectl.documents import codec
from releasectl.documents.config import read_config
from releasectl.model.errors import Failure
from releasectl.model.journal import Entry, Journal, Mark
from releasectl.model.model import Config, Release, Settings, State
from releasectl.rollout.capacity import Memory
from releasectl.rollout.failover import Exit
from releasectl.rollout.ports import Unreadable
from releasectl.startup.fast_dataclass import replace

from .traffic import Traffic

BOOT_S = 0.05
SLOTS = ("blue", "green")
RIGHT = {"predictions": [{"label": "benign", "probability": 0.98}]}


def config_doc(**changed: Any) -> dict[str, Any]:
    return {
        "service": "inference",
        "slots": {"blue": 18080, "green": 18081},
        "haproxy_socket": "/run/haproxy/admin.sock",
        "live_map": "/var/lib/slipway/inference/live.map",
        "backend_prefix": "inference_",
        "drain_timeout_s": 3,
        "standby_s": 900,
        "retain": 3,
        "min_free_mb": 1024,
        "deadlines_s": {"pull": 600, "start": 30, "liveness": 0.5, "readiness": 0.5, "golden": 5, "switch": 5},
        **changed,
    }


def config(**changed: Any) -> Config:
    return read_config(config_doc(**changed), "service.json")


@dataclass(frozen=True)
class App:
    """How an image behaves. `dies_at`: the edge call that its container does not survive."""

    version: str = "v1.0.0"
    starts: bool = True
    live: bool = True
    ready: bool = True
    answer: str = json.dumps(RIGHT)
    status: int = 200
    dies_at: str | None = None
    says: tuple[str, ...] = ("listening on 0.0.0.0:8080",)
    health: str = "ok"
    errors: float = 0.0
    """The share of requests that it answers with 500."""
    key: str = ""
    """The API key that it asks for."""
    ms: float = 10.0
    foreign: bool = False
    """Built for another platform than the host's."""


@dataclass(frozen=True)
class Container:
    release: int
    image: str
    running: bool
    started: float


@dataclass
class SimulatedHost(Traffic):
    config: Config = field(default_factory=config)
    # Kept by a power cut.
    state: str | None = None
    journal: tuple[str, ...] | None = None
    history: tuple[str, ...] = ()
    releases: dict[int, tuple[str, Settings]] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)
    map_file: str | None = None
    litter: frozenset[str] = frozenset()
    aside: int = 0
    images: frozenset[str] = frozenset()
    pulled_at: dict[str, float] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    # Gone with it.
    units: dict[str, str] = field(default_factory=dict)
    runtime: str | None = None
    # The world around.
    registry: dict[str, App] = field(default_factory=dict)
    wall: float = 1_800_000_000.0
    mono: float = 1000.0
    edge_doubts_until: float = 0.0
    """Until then the edge's own checks do not find a slot up."""
    boots: int = 1
    txns: int = 0
    free_mb: int = 9000
    goes_down: bool = False
    memory: Memory = field(default_factory=lambda: Memory(4000, 3000))
    gpu_memory: Memory = field(default_factory=lambda: Memory(16000, 15000))
    pull_s: float = 0
    locked: bool = False
    flushed: frozenset[str] = frozenset()
    """Whose rules somebody has removed: `docker`, `firewall`."""
    cut_off: frozenset[str] = frozenset()
    """Slots whose container answers, while its port on loopback does not."""
    restart_helps: bool = True
    in_vain: float | None = None
    """When a restart of Docker did not help."""
    died: frozenset[str] = frozenset()
    """Slots whose container died by itself."""
    ends: dict[str, tuple[str, float]] = field(default_factory=dict)
    exits: tuple[Exit, ...] = ()
    """Of the live container, when a test has them recorded."""
    violations: tuple[str, ...] = ()

    def copy(self) -> SimulatedHost:
        return replace(
            self,
            releases=dict(self.releases),
            links=dict(self.links),
            containers=dict(self.containers),
            units=dict(self.units),
            ends=dict(self.ends),
            hits=dict(self.hits),
            long=dict(self.long),
            shares=dict(self.shares),
            registry=dict(self.registry),
        )

    # What the records say.

    def state_now(self) -> State:
        return State() if self.state is None else read_state(self.state)

    def in_maintenance(self) -> bool:
        try:
            return self.state_now().maintenance is not None
        except (ValueError, Failure):
            return False

    def entries(self) -> tuple[Entry, ...]:
        return tuple(read_entry(line) for line in self.history)

    # What happens to it.

    def spend(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds
        self.flow(self.runtime, self.app, seconds)

    def reboot(self) -> None:
        """Containers stop and stay; no unit is enabled by itself; HAProxy reads its map file. Time is counted anew."""
        self.mono = 0.0
        self.boots += 1
        self.units = {}
        self.containers = {slot: replace(it, running=False) for slot, it in self.containers.items()}
        self.restart_edge()
        self.spend(20)

    def restart_edge(self) -> None:
        self.runtime = self.map_file
        self.edge_restarted()

    def run_slot(self, slot: str) -> str | None:
        """What the slot's unit does when it starts; the reason when it fails."""
        if self.units.get(slot) == "active":
            return None
        release = self.links.get(slot)
        if release is None or release not in self.releases:
            self.units[slot] = "activating"
            return f"slot {slot} is linked to no release"
        running = self.containers.get(slot)
        if running and running.running and running.release == release:
            self.units[slot] = "active"
            return None
        self.containers.pop(slot, None)
        image = read_release(self.releases[release][0]).ref.image
        if image not in self.images:
            self.units[slot] = "activating"
            return "docker run: no such image"
        good = self.registry[image].starts
        self.containers[slot] = Container(release, image, good, self.mono)
        self.units[slot] = "active" if good else "activating"
        self.died -= {slot}
        return None if good else "the container exited with code 1"

    def settle(self) -> None:
        """systemd restarts what died."""
        for slot in [slot for slot, unit in self.units.items() if unit == "activating"]:
            self.run_slot(slot)

    def stop_slot(self, slot: str) -> None:
        self.units[slot] = "inactive"
        self.slot_ended(slot)
        if slot in self.containers:
            self.containers[slot] = replace(self.containers[slot], running=False)

    def kill(self, slot: str) -> None:
        """The container dies by itself and goes on dying: systemd keeps trying."""
        self.containers[slot] = replace(self.containers[slot], running=False)
        self.slot_ended(slot)
        self.units[slot] = "activating"
        self.died |= {slot}
        self.ends[slot] = ("exited with code 137", self.wall)

    def app(self, slot: str) -> App | None:
        """The application that answers in a slot."""
        it = self.containers.get(slot)
        if it is None or not it.running or slot in self.cut_off or self.mono < it.started + BOOT_S:
            return None
        return self.registry[it.image]

    def serves(self) -> bool:
        """Requests that come in now are answered."""
        app = self.answering()
        return app is not None and app.ready

    def answering(self) -> App | None:
        """What a client gets: the slot that is routed to, else its standby."""
        if self.runtime not in SLOTS:
            return None
        return self.app(self.runtime) or self.app(self.runtime_standby)


@lru_cache(maxsize=4096)
def read_state(text: str) -> State:
    return codec.read_state(json.loads(text))


@lru_cache(maxsize=4096)
def read_entry(text: str) -> Entry:
    return codec.read_entry(json.loads(text))


@lru_cache(maxsize=4096)
def read_release(text: str) -> Release:
    return codec.read_release(json.loads(text), "release")


@lru_cache(maxsize=4096)
def read_mark(text: str) -> Mark:
    return codec.read_mark(json.loads(text))


def read_journal(lines: tuple[str, ...]) -> Journal | Unreadable:
    try:
        intent = codec.read_intent(json.loads(lines[0]))
        return Journal(intent, tuple(read_mark(line) for line in lines[1:]))
    except (ValueError, Failure) as error:
        return Unreadable(str(error))
