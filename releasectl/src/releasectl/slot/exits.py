"""
What run-slot records of the exits of the live container: when and how it ended, who answers meanwhile, when it is
ready again. Best effort: nothing here keeps a slot from running. The edge fails over without it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from ..host import exit_records as exits
from ..host.command import run
from ..host.events import Events
from ..host.headers import RequestHeaders
from ..host.paths import Paths
from ..host.store import Store
from ..model.errors import Failure
from ..model.model import Config, Moment, Ref, Release, State
from ..rollout.failover import Exit, too_many
from ..rollout.gates import PROBE_S
from ..rollout.ports import RecordSnapshot
from ..startup.fast_dataclass import replace
from ..startup.http_client import ask_port

POLL_S = 0.1
SYSTEMCTL_S = 5.0


class Exits:
    def __init__(self, paths: Paths, config: Config, slot: str) -> None:
        self.paths = paths
        self.config = config
        self.slot = slot
        self.events = Events(paths.events, config.service)

    def ended(self, release: Ref, cause: str) -> None:
        """The container has ended by itself. Has the engine recover at once when that is once too often."""
        with _best_effort():
            records = Store(self.paths, self.config).read()
            state = records.state
            if not isinstance(state, State) or not self._is_live(state, release):
                return
            found = self._record(records, state, release, cause, by_itself=True)
            now = Moment(time.time(), time.monotonic())
            if too_many(state, found, now, self.config.failover_after):
                unit = f"slipway-recover@{self.config.service}.service"
                run(("systemctl", "start", "--no-block", unit), SYSTEMCTL_S)

    def stopped(self, release: Ref, shutting_down: Callable[[], bool]) -> None:
        """Somebody stopped the unit: no engine, for a transaction has a journal, and not the shutdown of the host."""
        with _best_effort():
            records = Store(self.paths, self.config).read()
            state = records.state
            ours = records.journal is None and isinstance(state, State) and self._is_live(state, release)
            if ours and isinstance(state, State) and not shutting_down():
                self._record(records, state, release, "was stopped through systemd", by_itself=False)

    def watch(self, release: Release) -> Iterator[float]:
        """After an exit that was recorded: seconds until it asks again, until the container is ready."""
        with _best_effort():
            found = list(exits.read(self.paths, self.config.service, self.slot))
            if not found or found[-1].back is not None or found[-1].release.id != release.ref.id:
                return
            port, path = self.config.slots[self.slot], release.gates.readiness_path
            headers = RequestHeaders(self.config, Store(self.paths, self.config)).to_slot(self.slot)
            while ask_port(port, "GET", path, None, PROBE_S, headers).status != 200:
                yield POLL_S
            took = max(0.0, time.monotonic() - found[-1].monotonic)
            found[-1] = replace(found[-1], back=time.time(), seconds=took)
            exits.write(self.paths, self.config.service, self.slot, found)
            self._emit(found[-1], "done", seconds=round(took, 3))

    def _is_live(self, state: State, release: Ref) -> bool:
        live = state.live
        return live is not None and (live.slot, live.ref.id) == (self.slot, release.id)

    def _record(self, records: RecordSnapshot, state: State, release: Ref, cause: str, by_itself: bool) -> list[Exit]:
        standby = state.standby if state.standby and records.map_standby == state.standby.slot else None
        it = Exit(
            release, self.slot, time.time(), time.monotonic(), cause, by_itself,
            standby.ref if standby else None, standby.slot if standby else "",
        )  # fmt: skip
        found = [*exits.read(self.paths, self.config.service, self.slot), it]
        exits.write(self.paths, self.config.service, self.slot, found)
        self._emit(it, "start", cause=str(it))
        return found

    def _emit(self, it: Exit, event: str, **more: object) -> None:
        who = {"answers": str(it.standby)} if it.standby else {}
        self.events.emit({"phase": it.phase, "event": event, "version": it.release.version, **who, **more})


@contextlib.contextmanager
def _best_effort() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, Failure) as error:
        print(f"the exit of the live container is not recorded: {error}")
