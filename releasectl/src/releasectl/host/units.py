"""The units of a service's slots, and how their containers exited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..model.errors import Failure
from ..model.model import Config
from ..rollout.ports import UnitStates
from . import files, systemd
from .docker_commands import UNKNOWN_HOLDER
from .paths import Paths
from .process import EngineProcess

if TYPE_CHECKING:
    from ..rollout.failover import Exit

POLL_S = 0.01


class SlotUnits:
    def __init__(self, paths: Paths, config: Config, process: EngineProcess) -> None:
        self.paths = paths
        self.config = config
        self.process = process
        self._exit_records: dict[str, str | None] = {}
        """What each slot's exit record held when this engine first read it; None: there was none."""

    def states(self) -> UnitStates:
        return self.request_states()()

    def request_states(self) -> Callable[[], UnitStates]:
        return systemd.request_states(self.config)

    def start(self, slot: str, timeout_s: float) -> None:
        files.remove_file(self._exit_record(slot))
        self._exit_records[slot] = None
        try:
            systemd.start_unit(self.config.unit(slot), timeout_s, self.process.pulse)
        except Failure as failure:
            # The sandbox of its unit (docs/hardening.md) hides from run-slot whose process has the port.
            who = self._port_holder(slot) if UNKNOWN_HOLDER in failure.cause else ""
            if not who:
                raise
            raise Failure(failure.code, failure.cause.replace(UNKNOWN_HOLDER, who), failure.hint) from failure

    def _port_holder(self, slot: str) -> str:
        # Local import: few starts fail by their port (docs/startup.md).
        from .listener import holder

        return holder(self.config.slots[slot], self.config.container(slot))

    def stop(self, slot: str, quick: bool, timeout_s: float) -> None:
        unit = self.config.unit(slot)
        if quick:
            # First the stop, then the kill: systemd must not restart the container.
            systemd.stop_unit(unit, 10, wait=False)
            systemd.kill_container(unit)
        systemd.stop_unit(unit, timeout_s)

    def exited(self, slot: str, wait_s: float) -> str | None:
        path = self._exit_record(slot)
        if slot not in self._exit_records:
            self._exit_records[slot] = files.read_text(path)
        end = self.process.monotonic() + wait_s
        while True:
            record = files.read_text(path)
            if record is not None and record != self._exit_records[slot]:
                return record.partition("\n")[0]
            left = end - self.process.monotonic()
            if left <= 0:
                return None
            self.process.pause(min(POLL_S, left))

    def last_exit(self, slot: str) -> tuple[str, float] | None:
        cause, _, at = (files.read_text(self._exit_record(slot)) or "").partition("\n")
        try:
            return (cause, float(at)) if cause else None
        except ValueError:
            return None

    def read_exits(self) -> tuple[Exit, ...]:
        # Local import: only recovery and the status need it (docs/startup.md).
        from . import exit_records

        exits = [it for slot in self.config.slots for it in exit_records.read(self.paths, self.config.service, slot)]
        return tuple(sorted(exits, key=lambda it: it.at))

    def shutting_down(self) -> bool:
        return systemd.shutting_down()

    def _exit_record(self, slot: str) -> str:
        return self.paths.exit_record(self.config.service, slot)
