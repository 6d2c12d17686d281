"""HAProxy of a simulated host."""

from __future__ import annotations

from collections.abc import Mapping

from releasectl.model.counters import Counters
from releasectl.model.inflight import Exchange, InFlight
from releasectl.model.model import NO_SLOT, Split

from .simulated_ports import Port
from .traffic import WHOLE


class SimulatedRouting(Port):
    def get_map(self) -> str | None:
        return self.simulation.call("get_map", lambda: self.world.runtime)

    def set_map(self, slot: str, timeout_s: float, standby: str = NO_SLOT) -> None:
        assert timeout_s > 0
        self.simulation.set("set_map", runtime=slot, runtime_split=WHOLE, runtime_standby=standby)

    def get_split(self) -> Split | None:
        host = self.world

        def read() -> Split | None:
            return Split(host.runtime, *host.runtime_split, host.runtime_standby) if host.runtime else None

        return self.simulation.call("get_map", read)

    def set_split(self, split: Split, timeout_s: float) -> None:
        assert timeout_s > 0
        self.simulation.set("set_split", runtime=split.live, runtime_split=(split.canary, split.percent),
                  runtime_standby=split.standby)  # fmt: skip

    def counters(self) -> Mapping[str, Counters]:
        hits = self.world.hits
        return self.simulation.call(
            "counters", lambda: {slot: hits.get(slot, Counters()) for slot in self.world.config.slots}
        )

    def in_flight(self, slot: str) -> int:
        def read() -> int:
            self.world.busy = max(0, self.world.busy - 1)
            return self.world.busy + self.world.long.get(slot, InFlight()).total

        return self.simulation.call("in_flight", read)

    def exchanges(self, slot: str) -> tuple[Exchange, ...]:
        def read() -> tuple[Exchange, ...]:
            long = self.world.long.get(slot, InFlight())
            return (
                *(Exchange(-1, True, False, False),) * min(1000, self.world.busy + long.requests),
                *(Exchange(200, True, True, False),) * long.streams,
                *(Exchange(101, True, True, True),) * long.websockets,
            )

        return self.simulation.call("exchanges", read)

    def is_down(self, slot: str) -> bool:
        return self.simulation.call("is_down", lambda: self.world.app(slot) is None)

    def is_doubtful(self, slot: str) -> bool:
        doubts = self.world.mono < self.world.edge_doubts_until
        return self.simulation.call("is_doubtful", lambda: self.world.app(slot) is None or doubts)

    def aborted_requests(self, slot: str) -> int:
        return self.simulation.call("aborted_requests", lambda: self.world.broken)
