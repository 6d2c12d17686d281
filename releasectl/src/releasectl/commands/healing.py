"""
Recovery of what surrounds a service: runs the repairs that need no judgement, and records them (event, history, hook).
"""

from __future__ import annotations

from collections.abc import Iterable

from ..model.errors import Failure, UnreadableMap
from ..model.journal import Entry
from ..model.model import State
from ..rollout.healing import Repair, certificate_repairs, map_repairs, own_units, unit_repairs
from ..rollout.ports import Host
from ..rollout.recovery import Recovered
from ..rollout.transaction import as_failure
from .around import Around
from .failing_release import RECOVERY
from .operator_hooks import Hooks

KIND, OUTCOME = "recovery", "repaired"
AGAIN_S = 3600.0
"""The same repair within this time is an event, but no other line of history and no other notification."""


class Healing:
    def __init__(self, host: Host, around: Around) -> None:
        self.host = host
        self.around = around
        self.done: list[str] = []
        self.troubles: list[Failure] = []

    def before_recovery(self) -> None:
        """Our own units: a masked one cannot be started."""
        config = self.host.config
        names = own_units(config.service, [config.unit(slot) for slot in config.slots])
        self._run(unit_repairs(self.around.units(names), config.service))

    def after_recovery(self, found: Recovered) -> None:
        """What recovery could not repair by itself leaves its troubles."""
        for trouble in [it for it in found.troubles if isinstance(it, UnreadableMap)]:
            if self._run(map_repairs(trouble.cause)):
                found.troubles.remove(trouble)
        self._run(certificate_repairs(self.around.certificates()))
        found.done += self.done
        found.troubles += self.troubles

    def _run(self, repairs: Iterable[Repair]) -> bool:
        """Whether all of them worked."""
        worked = True
        for it in repairs:
            self.host.events.emit({"phase": "recover", "event": "start", "effect": it.name, "cause": it.text})
            try:
                for argv in it.commands:
                    self.around.run(argv)
            except Exception as error:
                failure = as_failure(error)
                self.host.events.emit(
                    {"phase": "recover", "event": "failed", "effect": it.name, "cause": failure.cause}
                )
                self.troubles.append(failure)
                worked = False
                continue
            self.host.events.emit({"phase": "recover", "event": "done", "effect": it.name})
            self.done.append(it.text)
        return worked


def record_repairs(host: Host, state: State, repaired: list[str], txn: str, hooks: Hooks) -> list[str]:
    """A line of history of the live release, and the hook `post-recovery`. Best effort: returns warnings."""
    live = state.live
    if not repaired or live is None:
        return []
    now, text = host.process.now(), "; ".join(repaired)
    last = next((it for it in reversed(host.records.history().entries) if it.kind == KIND), None)
    if last and last.cause == text and 0 <= now - last.ended < AGAIN_S:
        return []
    entry = Entry(txn, KIND, OUTCOME, live.ref, live.slot, None, RECOVERY, "", now, now, cause=text)
    try:
        host.records.append_history(entry)
    except Failure as failure:
        return [failure.cause]
    return hooks.repaired(entry)
