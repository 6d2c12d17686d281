"""A converge that has changed the host: an event, and a line in the history of each service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..documents.request import one_line
from ..model.errors import Failure
from ..model.model import State
from ..rollout.finding import releasectl
from ..rollout.ports import Host, Unreadable
from .history_line import append_line

KIND, OUTCOME = "converge", "done"
SHOWN = 3


def describe(roles: Mapping[str, Sequence[str]] | None, changed: Sequence[str]) -> str:
    """
    `edge: /etc/haproxy/haproxy.cfg; release: 5 items`; empty: nothing has changed. `roles`: role → what had drifted;
    None: unknown. `changed`: the files of all roles that are other than after the last converge.
    """
    named = roles if roles is not None else {"all roles": changed} if changed else {}
    return "; ".join(f"{role}: {_items(items)}" for role, items in named.items())


def _items(items: Sequence[str]) -> str:
    return ", ".join(items) if len(items) <= SHOWN else f"{len(items)} items"


def record(host: Host, by: str, reason: str, text: str, txn: str) -> list[str]:
    """Under the lock. Best effort: returns warnings. A service that never had a release has no line."""
    host.events.emit({"phase": "converge", "event": "done", "by": by, "cause": text})
    found = host.records.read().state
    if isinstance(found, Unreadable):
        service = host.config.service
        cause = f"state.json cannot be read. Run: {releasectl(service, 'recover')}"
        return [f"Failed to record the converge in the history of {service}: {cause}"]
    try:
        append_line(host, found or State(), txn, KIND, OUTCOME, one_line(by), one_line(reason), cause=text)
    except Failure as failure:
        return [failure.cause]
    return []
