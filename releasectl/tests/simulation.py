"""
A simulated host as the engine sees it: its ports over a host in memory. All of them count their calls together. One can
raise a Failure at a chosen call, or crash there: before the effect, midway (where a real one leaves something behind)
or after it. A crash is a kill -9: nothing of the engine runs afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from releasectl.commands.engine import Engine
from releasectl.model.errors import Code, Failure
from releasectl.rollout.ports import CanaryCommand, Host
from releasectl.startup.http_client import Reply

from . import simulated_ports as ports
from . import simulated_records, simulated_routing
from .faults import Crash, CrashAt, FailAt
from .simulated_host import SLOTS, SimulatedHost

T = TypeVar("T")
# Other calls kill only the slot that the traffic goes to.
ANY_SLOT = ("probe", "begin_journal")


class Simulation:
    def __init__(self, world: SimulatedHost, crash: CrashAt | None = None, fail: FailAt | None = None) -> None:
        self.world = world
        self.crash = crash
        self.fail = fail
        self.calls: list[str] = []
        """The calls of all ports, in their order."""
        self.events: list[Mapping[str, Any]] = []
        self.dead = False
        self.held = False
        self.stop_at: int | None = None
        """A signal arrives at this call."""
        self.down: frozenset[str] = frozenset()
        """Calls that fail as long as they are named here."""
        self.commands: dict[int, CanaryCommand] = {}
        """What an operator sends to a canary, by the number of the check for commands."""
        self.command_checks = 0
        self.statuses: list[Mapping[str, Any] | None] = []
        """What a canary published."""
        self.hooked: list[Mapping[str, Any]] = []
        """The documents that hooks got."""
        self.door: Reply | None = None
        """What the front door answers; None: what the slot that has the traffic does."""
        self.process = ports.SimulatedProcess(self)
        self.records = simulated_records.SimulatedRecords(self)
        self.units = ports.SimulatedUnits(self)
        self.packet_filter = ports.SimulatedPacketFilter(self)
        self.routing = simulated_routing.SimulatedRouting(self)
        self.http = ports.SimulatedHttp(self)
        self.canary_mailbox = ports.SimulatedCanaryMailbox(self)
        self.host = Host(
            config=world.config,
            process=self.process,
            events=ports.SimulatedEvents(self),
            records=self.records,
            units=self.units,
            machine=ports.SimulatedMachine(self),
            containers=ports.SimulatedContainers(self),
            packet_filter=self.packet_filter,
            routing=self.routing,
            http=self.http,
            canary_mailbox=self.canary_mailbox,
            hooks=ports.SimulatedHooks(self),
        )

    def call(self, name: str, act: Callable[[], T], midway: Callable[[], Any] | None = None) -> T:
        if self.dead:
            raise Crash
        self.calls.append(name)
        number = len(self.calls)
        at = self.crash.when if self.crash and self.crash.call == number else None
        if at in ("before", "midway"):
            if at == "midway" and midway:
                midway()
            self.die()
        if name in self.down or (self.fail and self.fail.hits(number, name)):
            self._doom(name)
            raise Failure(self.fail.code if self.fail else Code.PREFLIGHT, f"simulated trouble of {name}")
        served = self.world.serves()
        result = act()
        self._check(name, served)
        self._doom(name)
        if at == "after":
            self.die()
        return result

    def set(self, name: str, **values: Any) -> None:
        """A call that changes these values of the host."""

        def act() -> None:
            for key, value in values.items():
                setattr(self.world, key, value)

        self.call(name, act, self.litter)

    def litter(self) -> None:
        """Leave a temporary file behind."""
        self.world.litter |= {f".{len(self.calls)}.tmp"}

    def die(self) -> None:
        self.dead = True
        raise Crash

    def _check(self, name: str, served: bool) -> None:
        """The promise to the outside: no call of ours takes the answer away from a client that had one."""
        host = self.world
        never_live = host.runtime not in SLOTS and not any(it.outcome == "live" for it in host.entries())
        # In a maintenance a person took it away. An undo gives it back to a live release even if that one had died.
        intended = never_live or host.in_maintenance() or host.runtime in host.died
        if served and not host.serves() and not intended:
            host.violations += (f"{name} took the traffic from a healthy slot",)
        if name == "set_map" and host.runtime in SLOTS and not host.serves():
            live = None if host.state is None else host.state_now().live
            if not live or live.slot != host.runtime:
                host.violations += (f"{name} moved the traffic to {host.runtime}, which is not ready",)

    def _doom(self, name: str) -> None:
        for slot, container in self.world.containers.items():
            dies = self.world.registry[container.image].dies_at == name
            if container.running and dies and (slot == self.world.runtime or name in ANY_SLOT):
                self.world.kill(slot)


def engine_of(simulation: Simulation) -> Engine:
    world = simulation.world

    @contextmanager
    def lock() -> Iterator[None]:
        if world.locked:
            raise Failure(Code.LOCKED, "another change is running: deploy by bob since then")
        world.locked = True
        try:
            yield
        finally:
            world.locked = False

    def new_txn() -> str:
        world.txns += 1
        return f"txn-{world.txns}"

    return Engine(simulation.host, lock, new_txn)
