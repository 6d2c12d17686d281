"""
The transaction: phases, each with a deadline, effects and the undo of those effects. Derived from the Intent alone (and
the host's config), so that recovery derives the very same phases from the first line of the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .effects import (
    AwaitPath,
    CheckGolden,
    CheckIdentity,
    Confirm,
    Drain,
    Effect,
    LinkSlot,
    PullImage,
    RemoveContainer,
    RemoveRelease,
    SaveState,
    SetMap,
    StartUnit,
    StopUnit,
    UnlinkSlot,
    WriteMap,
    WriteRelease,
)
from .model import Config, Gates, Intent, Live, Standby, State

PULL, START, GATE, SWITCH, DRAIN, RECORD, STANDBY = "pull", "start", "gate", "switch", "drain", "record", "standby"


@dataclass(frozen=True)
class Phase:
    name: str
    deadline_s: float
    effects: tuple[Effect, ...] = ()
    undo: tuple[Effect, ...] = ()
    """What takes the effects back, in this order."""
    commits: bool = False
    """After its effects the runner writes history: from here on the transaction is never undone."""


def after(intent: Intent, config: Config, now: float) -> State:
    """The state once the target is live."""
    before, old = intent.before, intent.before.live
    live = Live(intent.target, intent.slot, now, intent.kind)
    if old is None or old.ref.id == intent.target.id:
        # The same release again, in the other slot: the old slot's copy is no way back.
        return State(live, None, before.previous)
    standby = Standby(old.ref, old.slot, now, now + config.standby_s) if config.standby_s else None
    return State(live, standby, old.ref)


def dated(phase: Phase, intent: Intent, config: Config, now: float) -> Phase:
    """The committing phase, with the state as of now: a standby has its full time, however long the pull took."""
    return replace(phase, effects=(SaveState(after(intent, config, now)),))


def phases_of(intent: Intent, config: Config, gates: Gates, present: bool, now: float) -> tuple[Phase, ...]:
    """
    The phases from pull to standby. `present`: the image is on this host. `now` dates the new state.

    Order matters in two places. A standby that has to make room leaves state.json before its unit stops: a crash in
    between leaves a running orphan, never a promise of a standby that is gone. And the undo of a switch verifies that
    the traffic is back (SetMap) before anything stops the candidate.
    """
    limits, slot, old = config.deadlines, intent.slot, intent.before.live
    state = after(intent, config, now)
    return (
        Phase(PULL, limits.pull, () if present else (PullImage(intent.target.image),)),
        _start(intent, limits.start),
        _gate(intent, config, gates),
        Phase(
            SWITCH,
            limits.switch,
            (WriteMap(slot), SetMap(slot, limits.switch), Confirm(slot, gates.readiness_path, limits.switch)),
            (
                WriteMap(intent.before.routed),
                SetMap(intent.before.routed, limits.switch),
                Drain(slot, min(5.0, config.drain_timeout_s)),
            ),
        ),
        Phase(DRAIN, config.drain_timeout_s + 1, (Drain(old.slot, config.drain_timeout_s, slot),) if old else ()),
        Phase(RECORD, 30, (SaveState(state),), (SaveState(intent.base),), commits=True),
        Phase(STANDBY, 120, () if not old or state.standby else _vacate(old.slot)),
    )


def _vacate(slot: str) -> tuple[Effect, ...]:
    return StopUnit(slot), RemoveContainer(slot), UnlinkSlot(slot)


def _start(intent: Intent, deadline_s: float) -> Phase:
    if intent.adopt:
        return Phase(START, deadline_s)
    slot, release = intent.slot, intent.target.id
    room: tuple[Effect, ...] = (SaveState(intent.base), StopUnit(slot, quick=True)) if intent.displaces else ()
    record: tuple[Effect, ...] = (WriteRelease(release),) if intent.fresh else ()
    forget: tuple[Effect, ...] = (RemoveRelease(release),) if intent.fresh else ()
    return Phase(
        START,
        deadline_s,
        (*room, *record, LinkSlot(slot, release), StartUnit(slot)),
        (
            *room[:1],
            StopUnit(slot, quick=True),
            RemoveContainer(slot),
            UnlinkSlot(slot),
            *forget,
        ),
    )


def _gate(intent: Intent, config: Config, gates: Gates) -> Phase:
    limits, slot, release = config.deadlines, intent.slot, intent.target.id
    ready = AwaitPath(slot, release, "readiness", gates.readiness_path, limits.readiness)
    if intent.adopt:
        # It passed every gate when it went live and has run since: only what is cheap, a rollback must not wait.
        return Phase(GATE, limits.readiness, (ready,))
    checks: list[Effect] = [AwaitPath(slot, release, "liveness", gates.liveness_path, limits.liveness), ready]
    if gates.version_path:
        checks.append(CheckIdentity(slot, gates.version_path, intent.target.version, limits.readiness))
    if gates.golden:
        checks.append(CheckGolden(slot, release, limits.golden))
    return Phase(GATE, limits.liveness + limits.readiness + limits.golden, tuple(checks))


def forward_of(phases: tuple[Phase, ...], ready: Effect, start: Effect | None) -> tuple[Phase, ...]:
    """What is left to do after a crash past the switch: see the candidate up, then switch again and go on."""
    at = next(n for n, phase in enumerate(phases) if phase.name == SWITCH)
    gate = Phase(GATE, 120, (*((start,) if start else ()), ready))
    return (gate, *phases[at:])


def undo_of(phases: tuple[Phase, ...], reached: frozenset[str]) -> tuple[Effect, ...]:
    """The undo of every phase that was begun, last one first."""
    return tuple(effect for phase in reversed(phases) if phase.name in reached for effect in phase.undo)
