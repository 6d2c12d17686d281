"""Pure: what the exits of a live container mean: who answered meanwhile, and when it is rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..documents.codec import read_ref, ref_doc
from ..documents.fields import Fields
from ..documents.timestamps import parse, rfc3339
from ..model.journal import Entry
from ..model.model import Moment, Ref, State
from ..startup.fast_dataclass import dataclass

WINDOW_S = 300.0
EDGE = "edge"
"""Who fails over, for the history."""


@dataclass(frozen=True)
class Exit:
    """The live container of a slot ended. `at` and `back` are wall clock, to be read; `monotonic` counts."""

    release: Ref
    slot: str
    at: float
    monotonic: float
    cause: str
    by_itself: bool = True
    """False: somebody stopped the unit."""
    standby: Ref | None = None
    """The release that answered while it was down; None: nobody did."""
    standby_slot: str = ""
    back: float | None = None
    """When it was ready again."""
    seconds: float | None = None
    """How long it was down."""

    @property
    def phase(self) -> str:
        """Under which name its events are."""
        return "failover" if self.standby else "outage"

    @property
    def txn(self) -> str:
        return f"exit-{self.slot}-{int(self.at * 1000)}"

    def __str__(self) -> str:
        return f"{self.release} {self.cause}"


def too_many(state: State, exits: Iterable[Exit], now: Moment, limit: int) -> str | None:
    """
    Why the live release has to be rolled back; None: it has not. Only what a deploy made live, with a standby: after a
    rollback the other release is the bad one. Exits of before a reboot do not count, their clock began anew.
    """
    live = state.live
    if not limit or not live or live.via != "deploy" or not state.standby or state.maintenance:
        return None
    ours = [
        it
        for it in exits
        if it.by_itself and it.release.id == live.ref.id and 0 <= now.monotonic - it.monotonic < WINDOW_S
        and it.at >= live.since
    ]  # fmt: skip
    if len(ours) < limit:
        return None
    last = max(ours, key=lambda it: it.monotonic)
    return f"{live.ref} went down {len(ours)} times within {WINDOW_S / 60:g} minutes; the last time it {last.cause}"


def to_record(state: State, exits: Sequence[Exit], known: frozenset[str]) -> tuple[Entry, ...]:
    """The failovers that are over and that history does not have yet (`known`: its transactions)."""
    found = []
    for it in exits:
        live = state.live
        later = [other.at for other in exits if other.slot == it.slot and other.at > it.at]
        replaced = live.since if live and live.ref.id != it.release.id else None
        ended = it.back or min(later, default=None) or replaced
        if it.standby and ended is not None and it.txn not in known:
            seconds = it.seconds if it.seconds is not None else max(0.0, ended - it.at)
            found.append(
                Entry(it.txn, "failover", "answered", it.standby, it.standby_slot, it.release, EDGE, "", it.at, ended,
                      (("failover", seconds),), str(it))
            )  # fmt: skip
    return tuple(found)


def exit_doc(it: Exit) -> dict[str, Any]:
    return {
        "release": ref_doc(it.release),
        "slot": it.slot,
        "at": rfc3339(it.at),
        "monotonic_s": it.monotonic,
        "cause": it.cause,
        "by_itself": it.by_itself,
        "standby": ref_doc(it.standby),
        "standby_slot": it.standby_slot,
        "back": None if it.back is None else rfc3339(it.back),
        "seconds": it.seconds,
    }


def read_exit(doc: Any) -> Exit:
    """Raises Failure, ValueError."""
    fields = Fields(doc, "exit")
    return Exit(
        release=read_ref(fields.doc.get("release"), "exit.release"),
        slot=fields.text("slot"),
        at=parse(fields.text("at")),
        monotonic=fields.number("monotonic_s"),
        cause=fields.text("cause"),
        by_itself=fields.doc.get("by_itself") is True,
        standby=read_ref(fields.doc["standby"], "exit.standby") if fields.has("standby") else None,
        standby_slot=fields.text("standby_slot", ""),
        back=parse(fields.text("back")) if fields.has("back") else None,
        seconds=fields.number("seconds") if fields.has("seconds") else None,
    )
