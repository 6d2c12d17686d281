"""
Everything a transaction does to the world, as values. Each effect may be repeated: doing it twice is doing it once,
which is what lets recovery run the same effects again after a crash at any point.
"""

from __future__ import annotations

from ..model.inflight import Limits
from ..model.journal import Entry
from ..model.model import NO_SLOT, Canary, Split, State
from ..startup.fast_dataclass import dataclass


@dataclass(frozen=True)
class Effect:
    @property
    def name(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class PullImage(Effect):
    image: str


@dataclass(frozen=True)
class WriteRelease(Effect):
    """Record the candidate: release.json, app.env, secrets.env, all or nothing."""

    release: int


@dataclass(frozen=True)
class RemoveRelease(Effect):
    release: int


@dataclass(frozen=True)
class LinkSlot(Effect):
    slot: str
    release: int


@dataclass(frozen=True)
class UnlinkSlot(Effect):
    slot: str


@dataclass(frozen=True)
class StartUnit(Effect):
    slot: str


@dataclass(frozen=True)
class StopUnit(Effect):
    """Stop a slot. `quick`: nothing it serves matters, do not wait for its graceful end."""

    slot: str
    quick: bool = False


@dataclass(frozen=True)
class RemoveContainer(Effect):
    slot: str


@dataclass(frozen=True)
class AwaitPath(Effect):
    """Poll a path of the slot until it answers 200. `what`: liveness or readiness."""

    slot: str
    release: int
    what: str
    path: str
    deadline_s: float
    must: bool = True
    """False: after the deadline it goes on all the same, with a warning."""


@dataclass(frozen=True)
class CheckIdentity(Effect):
    slot: str
    path: str
    version: str
    deadline_s: float


@dataclass(frozen=True)
class CheckGolden(Effect):
    """The golden requests of the release that runs in the slot."""

    slot: str
    release: int
    deadline_s: float


@dataclass(frozen=True)
class RestoreCpuShares(Effect):
    """The slot's container gets its full share of the processor; until then it boots behind the one that serves."""

    slot: str


@dataclass(frozen=True)
class WriteMap(Effect):
    """The routing truth on disk, read by the edge when it starts. `standby`: the slot that answers if that is down."""

    slot: str
    standby: str = NO_SLOT


@dataclass(frozen=True)
class SetMap(Effect):
    """The routing of the running edge, verified by reading it back."""

    slot: str
    deadline_s: float
    standby: str = NO_SLOT


@dataclass(frozen=True)
class WriteSplit(Effect):
    """WriteMap of a canary: who gets which share, on disk."""

    split: Split


@dataclass(frozen=True)
class SetSplit(Effect):
    """SetMap of a canary."""

    split: Split
    deadline_s: float


@dataclass(frozen=True)
class JudgeStep(Effect):
    """Watch candidate and live release side by side for a step, and let the numbers decide."""

    split: Split
    canary: Canary
    last: bool = False
    held_by: str | None = None
    """Who had said `hold` to an engine that was killed."""


@dataclass(frozen=True)
class Bake(Effect):
    """Watch the slot that has just got the traffic, by the edge's counters and through the front door."""

    slot: str
    old: str
    version: str
    path: str | None
    """Where the service says its version."""
    seconds: float
    max_error_ratio: float


@dataclass(frozen=True)
class Confirm(Effect):
    """The slot that traffic has just moved to still runs and is ready."""

    slot: str
    path: str
    deadline_s: float


@dataclass(frozen=True)
class Drain(Effect):
    """Wait until a slot serves nobody. `watch`: the slot that serves instead, whose death ends the wait at once."""

    slot: str
    limits: Limits
    watch: str | None = None
    stays: bool = False
    """The slot is not stopped yet: what is long goes on, and nobody waits for it."""


@dataclass(frozen=True)
class SaveState(Effect):
    state: State


@dataclass(frozen=True)
class AppendHistory(Effect):
    """Record the end of the transaction. The commit point: what history says is live is never undone by recovery."""

    entry: Entry


@dataclass(frozen=True)
class RestartDocker(Effect):
    """Docker writes its rules anew. Containers and their connections go on."""

    cause: str


@dataclass(frozen=True)
class LoadFirewall(Effect):
    """The host's own table, inet slipway."""


@dataclass(frozen=True)
class ClearJournal(Effect):
    pass
