"""A line of history of what is no rollout: maintenance, a converge, an upgrade of packages."""

from __future__ import annotations

from ..model.journal import Entry
from ..model.model import NO_SLOT, State
from ..rollout.ports import Host


def append_line(
    host: Host,
    state: State,
    txn: str,
    kind: str,
    outcome: str,
    by: str,
    reason: str,
    *,
    cause: str | None = None,
    phases: tuple[tuple[str, float], ...] = (),
) -> None:
    """
    Of the live release, or of the one that was live before; a service that never had one has no line. It ends now, and
    began by the seconds of `phases` earlier. Raises Failure.
    """
    live = state.live
    ref = live.ref if live else state.previous
    if ref is None:
        return
    ended = host.process.now()
    began = ended - sum(seconds for _, seconds in phases)
    slot = live.slot if live else NO_SLOT
    host.records.append_history(Entry(txn, kind, outcome, ref, slot, None, by, reason, began, ended, phases, cause))
