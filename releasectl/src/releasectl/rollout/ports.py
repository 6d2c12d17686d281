"""
The host as the rollout sees it: a device for each thing that it can do (devices.py has their protocols), and the values
that devices return. The classes in host/ and edge/ are the devices, and adapter.py puts them together; tests run the
rollout on simulated ones and crash it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..model.journal import Entry, Journal
from ..model.model import NO_SLOT, Config, Moment, State
from ..startup.fast_dataclass import dataclass, field

if TYPE_CHECKING:
    # For type checkers only: no command waits for it (docs/startup.md).
    from .devices import (
        CanaryMailbox,
        Containers,
        Events,
        Hooks,
        Http,
        Machine,
        PacketFilter,
        Process,
        Records,
        Routing,
        Units,
    )


@dataclass(frozen=True)
class Unreadable:
    """A record that exists but cannot be read. Unknown is not empty."""

    why: str


@dataclass(frozen=True)
class RecordSnapshot:
    """All that the files say, read at once."""

    state: State | Unreadable | None
    journal: Journal | Unreadable | None
    links: Mapping[str, int]
    map_slot: str | None
    """None: there is no live map."""
    map_percent: int = 0
    """A canary's share."""
    map_standby: str = NO_SLOT
    """The slot that answers while the live one is down."""


@dataclass(frozen=True)
class History:
    entries: tuple[Entry, ...] = ()
    unreadable: int = 0
    """Lines that cannot be read. They stay in the file."""


@dataclass(frozen=True)
class UnitStates:
    """ActiveState of each slot's unit."""

    active: Mapping[str, str] = field(default_factory=dict)

    def up(self, slot: str) -> bool:
        return self.active.get(slot) in ("active", "activating", "reloading")

    def ports(self, config: Config) -> tuple[int, ...]:
        """The loopback ports of the slots whose unit is active."""
        return tuple(port for slot, port in config.slots.items() if self.active.get(slot) == "active")


@dataclass(frozen=True)
class CanaryCommand:
    """A command of an operator to a running canary: `promote`, `abort` or `hold`."""

    action: str
    by: str


@dataclass(frozen=True)
class ProbeRequest:
    """An HTTP request to a slot. `body` is sent as JSON."""

    path: str
    timeout_s: float
    method: str = "GET"
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    config: Config
    process: Process
    events: Events
    records: Records
    units: Units
    machine: Machine
    containers: Containers
    packet_filter: PacketFilter
    routing: Routing
    http: Http
    canary_mailbox: CanaryMailbox
    hooks: Hooks


def moment(host: Host) -> Moment:
    return Moment(host.process.now(), host.process.monotonic())
