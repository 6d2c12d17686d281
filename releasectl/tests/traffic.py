"""The requests of the world on a simulated host: who gets which share, and what the edge counts of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from releasectl.model.counters import WINDOW, Counters
from releasectl.model.errors import Code, Failure
from releasectl.model.inflight import Exchange, InFlight
from releasectl.model.model import NOBODY, Split
from releasectl.rollout.ports import Word
from releasectl.startup.http_client import Reply

if TYPE_CHECKING:
    from .host import App, Host

WHOLE = (NOBODY, 0)


@dataclass(kw_only=True)
class Traffic:
    """Part of a host."""

    map_split: tuple[str, int] = WHOLE
    """Canary and its percentage, in the map file."""
    runtime_split: tuple[str, int] = WHOLE
    map_standby: str = NOBODY
    """The slot that answers while the live one is down, in the map file."""
    runtime_standby: str = NOBODY
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
        if self.rate and seconds > 0 and live not in (None, NOBODY):
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


class TrafficEdge:
    """Part of a simulated edge."""

    host: Host
    _call: Any
    _set: Any

    def __init__(self) -> None:
        self.words: dict[int, Word] = {}
        """What a person says to a canary, by the number of the look at it."""
        self.looks = 0
        self.shown: list[Mapping[str, Any] | None] = []
        self.hooked: list[Mapping[str, Any]] = []
        self.door: Reply | None = None
        """What the front door answers; None: what the slot that has the traffic does."""

    def write_split(self, split: Split) -> None:
        self._set("write_split", map_file=split.live, map_split=(split.canary, split.percent),
                  map_standby=split.standby)  # fmt: skip

    def get_split(self) -> Split | None:
        host = self.host

        def look() -> Split | None:
            return Split(host.runtime, *host.runtime_split, host.runtime_standby) if host.runtime else None

        return self._call("get_map", look)  # type: ignore[no-any-return]

    def set_split(self, split: Split, timeout_s: float) -> None:
        assert timeout_s > 0
        self._set("set_split", runtime=split.live, runtime_split=(split.canary, split.percent),
                  runtime_standby=split.standby)  # fmt: skip

    def counters(self) -> Mapping[str, Counters]:
        hits = self.host.hits
        return self._call("counters", lambda: {slot: hits.get(slot, Counters()) for slot in self.host.config.slots})  # type: ignore[no-any-return]

    def in_flight(self, slot: str) -> int:
        def look() -> int:
            self.host.busy = max(0, self.host.busy - 1)
            return self.host.busy + self.host.long.get(slot, InFlight()).total

        return self._call("in_flight", look)  # type: ignore[no-any-return]

    def exchanges(self, slot: str) -> tuple[Exchange, ...]:
        def look() -> tuple[Exchange, ...]:
            long = self.host.long.get(slot, InFlight())
            return (
                *(Exchange(-1, True, False, False),) * min(1000, self.host.busy + long.requests),
                *(Exchange(200, True, True, False),) * long.streams,
                *(Exchange(101, True, True, True),) * long.websockets,
            )

        return self._call("exchanges", look)  # type: ignore[no-any-return]

    def is_down(self, slot: str) -> bool:
        return self._call("is_down", lambda: self.host.app(slot) is None)  # type: ignore[no-any-return]

    def broken(self, slot: str) -> int:
        return self._call("broken", lambda: self.host.broken)  # type: ignore[no-any-return]

    def image_sizes(self) -> Mapping[str, int]:
        return self._call("image_sizes", lambda: dict.fromkeys(self.host.images, 100 * 2**20))  # type: ignore[no-any-return]

    def front_door(self, path: str, timeout_s: float) -> Reply:
        self.host.spend(0.005)
        app = self.host.answering()
        answer = Reply(200, f'{{"version": "{app.version}"}}') if app else Reply(503, "maintenance")
        return self._call("front_door", lambda: self.door or answer)  # type: ignore[no-any-return]

    def show_canary(self, doc: Mapping[str, Any] | None) -> None:
        self.shown.append(doc)

    def read_canary(self) -> dict[str, Any] | None:
        return None

    def canary_word(self, txn: str) -> Word | None:
        self.looks += 1
        return self.words.pop(self.looks, None)

    def hooks(self) -> frozenset[str]:
        return self.host.hooks

    def run_hook(self, name: str, document: Mapping[str, Any]) -> None:
        self.hooked.append(document)
        self._call("run_hook", lambda: None)
        if name in self.host.bad_hooks:
            raise Failure(Code.PREFLIGHT, f"{name} ended with 1: no")
