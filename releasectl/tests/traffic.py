"""The requests of the world on a simulated host: who gets which share, and what the edge counts of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from releasectl.model.counters import WINDOW, Counters
from releasectl.model.inflight import InFlight
from releasectl.model.model import IN_MAINTENANCE, NO_SLOT

if TYPE_CHECKING:
    from .simulated_host import App

WHOLE = (NO_SLOT, 0)


@dataclass(kw_only=True)
class Traffic:
    """Part of a host."""

    map_split: tuple[str, int] = WHOLE
    """Canary and its percentage, in the map file."""
    runtime_split: tuple[str, int] = WHOLE
    map_standby: str = NO_SLOT
    """The slot that answers while the live one is down, in the map file."""
    runtime_standby: str = NO_SLOT
    rate: float = 0.0
    """Requests per second."""
    hits: dict[str, Counters] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    """Fractions of requests and errors that are still to be counted."""
    busy: int = 0
    """Requests in flight to a slot that has just lost the traffic; each look at it sees one fewer."""
    long: dict[str, InFlight] = field(default_factory=dict)
    """What each slot has in flight that does not end by itself."""
    broken: int = 0
    """Requests that ended badly."""
    hooks: frozenset[str] = frozenset()
    bad_hooks: frozenset[str] = frozenset()

    def flow(self, live: str | None, app: Callable[[str], App | None], seconds: float) -> None:
        if self.rate and seconds > 0 and live not in (None, NO_SLOT, IN_MAINTENANCE):
            assert live is not None
            canary, percent = self.runtime_split
            self._count(live, app(live), self.rate * seconds * (100 - percent) / 100, app(self.runtime_standby))
            if percent:
                self._count(canary, app(canary), self.rate * seconds * percent / 100, app(live))

    def _whole(self, name: str, amount: float) -> int:
        amount += self.shares.get(name, 0.0)
        self.shares[name] = amount - int(amount)
        return int(amount)

    def _count(self, slot: str, app: App | None, amount: float, other: App | None) -> None:
        """`other`: what answers while the slot is down."""
        requests = self._whole(slot, amount)
        failover = requests if app is None and other is not None else 0
        app = app or other
        errors = self._whole(f"{slot} errors", requests * app.errors) if app and app.ready else requests
        was = self.hits.get(slot, Counters())
        total = was.requests + requests
        filled, grown = min(was.requests, WINDOW), min(total, WINDOW)
        keep = filled / grown * (1 - 1 / WINDOW) ** (total - max(was.requests, grown)) if grown else 1.0
        mean = was.mean_ms * keep + (app.ms if app else 0.0) * (1 - keep)
        connect = was.connect + (0 if app else requests)
        self.hits[slot] = Counters(total, was.errors + errors, connect, mean, was.failover + failover)

    def slot_ended(self, slot: str) -> None:
        gone = self.long.pop(slot, InFlight())
        self.broken += gone.requests + gone.streams

    def edge_restarted(self) -> None:
        self.long = {}
        self.runtime_split = self.map_split
        self.runtime_standby = self.map_standby
        self.hits = {}
