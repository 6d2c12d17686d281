"""A live release that goes down: its failovers in the history, and whether it has to be rolled back."""

from __future__ import annotations

from ..model.model import State
from ..rollout.failover import to_record, too_many
from ..rollout.ports import Host, moment
from ..rollout.transaction import as_failure
from .result import Result

RECOVERY = "releasectl recover"
"""Who rolls back, for the history and the hooks."""


def failing_release(host: Host, state: State) -> str | None:
    """Why the live release has to be rolled back; None: it has not."""
    return too_many(state, host.units.read_exits(), moment(host), host.config.failover_after)


def record_failovers(host: Host, state: State, result: Result) -> str | None:
    """Under the lock. Writes the failovers that are over into the history; returns why to roll back. Never fails."""
    try:
        exits = host.units.read_exits()
        if not exits:
            return None
        known = frozenset(entry.txn for entry in host.records.history().entries)
        for entry in to_record(state, exits, known):
            host.records.append_history(entry)
        return too_many(state, exits, moment(host), host.config.failover_after)
    except Exception as error:
        result.warnings.append(f"failovers: {as_failure(error).cause}")
        return None
