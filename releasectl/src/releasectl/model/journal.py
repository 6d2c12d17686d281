"""What is written down of a transaction: its journal while it lasts, its line of history when it ended."""

from __future__ import annotations

from ..startup.fast_dataclass import dataclass
from .model import Canary, Ref, State


@dataclass(frozen=True)
class Intent:
    """What a transaction set out to do: the first line of its journal, from which everything else is derived."""

    txn: str
    kind: str
    target: Ref
    slot: str
    fresh: bool
    """The release directory is created by this transaction (and removed when it is undone)."""
    adopt: bool
    """The target already runs in its slot as standby: nothing to start."""
    before: State
    by: str
    reason: str
    started: float
    canary: Canary | None = None
    stop_first: bool = False
    """The live release stops before the target starts."""
    old_ready_path: str = "/ready"
    """The live release's readiness path, to await it when it is brought back."""

    @property
    def displaces(self) -> bool:
        """The slot is a standby's and the standby is not what we want: it has to go first."""
        return not self.adopt and self.before.standby is not None and self.before.standby.slot == self.slot

    @property
    def base(self) -> State:
        """The state that an undo leaves behind."""
        return self.before.without_standby() if self.displaces else self.before


@dataclass(frozen=True)
class Mark:
    """
    One line of the journal: an effect is about to happen (`before`), happened (`after`), or all is being undone
    (`undo`); or a person has said `hold` or `promote` to a canary, and `cause` is who.
    """

    at: float
    phase: str
    effect: str
    mark: str
    cause: str | None = None
    code: int = 0


@dataclass(frozen=True)
class Journal:
    intent: Intent
    marks: tuple[Mark, ...] = ()

    def reached(self, phase: str) -> bool:
        return any(mark.phase == phase for mark in self.marks)

    @property
    def undoing(self) -> Mark | None:
        return next((mark for mark in self.marks if mark.mark == "undo"), None)

    @property
    def canary_command(self) -> Mark | None:
        """The last command that an operator sent to the canary."""
        return next((mark for mark in reversed(self.marks) if mark.mark in ("hold", "promote")), None)


@dataclass(frozen=True)
class Entry:
    """One line of history: a transaction that ended."""

    txn: str
    kind: str
    outcome: str
    """`live` (it serves) or `failed` (undone)."""
    release: Ref
    slot: str
    previous: Ref | None
    by: str
    reason: str
    started: float
    ended: float
    phases: tuple[tuple[str, float], ...] = ()
    cause: str | None = None
    recovered: bool = False
    logs: tuple[str, ...] = ()
