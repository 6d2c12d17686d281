"""
The transaction: phases, each with a deadline, effects and the undo of those effects. Derived from the Intent alone (and
the host's config), so that recovery derives the very same phases from the first line of the journal.

To add a phase: its name in phase_names.py, its effects and their undo in `phases_of`, its row in docs/architecture.md,
and in `WAITS_FOR` (plugin_utils/event_stream.py of the collection) what a deploy shows while it waits for it.
"""

from __future__ import annotations

from math import floor

from ..model.inflight import Limits
from ..model.journal import Intent, Mark
from ..model.model import NO_SLOT, Config, Gates, Live, Moment, Split, Standby, State
from ..startup.fast_dataclass import dataclass, replace
from .effects import (
    Effect,
    LinkSlot,
    PullImage,
    RemoveContainer,
    RemoveRelease,
    RestoreCpuShares,
    SaveState,
    SetMap,
    SetSplit,
    StartUnit,
    StopUnit,
    UnlinkSlot,
    WriteMap,
    WriteRelease,
    WriteSplit,
)
from .phase_names import BAKE, CANARY, DRAIN, GATE, PULL, RECORD, STANDBY, START, STOP, SWITCH
from .watch_effects import AwaitPath, Bake, CheckGolden, CheckIdentity, Confirm, Drain, JudgeStep

UNDO_DRAIN_S = 5.0
"""The longest that a candidate which is undone may take for what it was given."""


@dataclass(frozen=True)
class Phase:
    name: str
    deadline_s: float
    effects: tuple[Effect, ...] = ()
    undo: tuple[Effect, ...] = ()
    """What takes the effects back, in this order."""
    commits: bool = False
    """After its effects the runner writes history: from here on the transaction is never undone."""


def after(intent: Intent, config: Config, now: Moment) -> State:
    """The state once the target is live."""
    before, old = intent.before, intent.before.live
    live = Live(intent.target, intent.slot, now.wall, intent.kind)
    if old is None or old.ref.id == intent.target.id:
        # The same release again, in the other slot: the old copy is no rollback target.
        return State(live, None, before.previous, before.maintenance)
    warm = config.standby_s and not intent.stop_first
    # In whole milliseconds, as times are written.
    until, ends = now.wall + config.standby_s, floor((now.monotonic + config.standby_s) * 1000) / 1000
    standby = Standby(old.ref, old.slot, now.wall, until, ends) if warm else None
    return State(live, standby, old.ref, before.maintenance)


def dated(phase: Phase, intent: Intent, config: Config, now: Moment) -> Phase:
    """The committing phase, with the state as of now: a standby has its full time, however long the pull took."""
    return replace(phase, effects=(SaveState(after(intent, config, now)),))


def phases_of(intent: Intent, config: Config, gates: Gates, present: bool, now: Moment) -> tuple[Phase, ...]:
    """
    The phases from pull to standby. `present`: the image is on this host. `now` dates the new state.

    Order matters in two places. A standby that has to make room leaves state.json before its unit stops: a crash in
    between leaves a running orphan, never a promise of a standby that is gone. And the undo of a switch verifies that
    the traffic is back (SetMap) before anything stops the candidate.
    """
    limits, slot, old = config.deadlines, intent.slot, intent.before.live
    state = after(intent, config, now)
    # In maintenance no slot gets traffic, before and after.
    to, then = state.routed, state.failover
    # With the old release stopped, only the maintenance page is left to get the traffic back.
    back = NO_SLOT if intent.stop_first else intent.before.routed
    behind = NO_SLOT if intent.stop_first else intent.base.failover
    return (
        Phase(PULL, limits.pull, () if present else (PullImage(intent.target.image),)),
        *_stop(intent, config),
        _start(intent, config, now),
        _gate(intent, config, gates),
        *_canary(intent, config),
        Phase(
            SWITCH,
            limits.switch,
            (WriteMap(to, then), SetMap(to, limits.switch, then), Confirm(slot, gates.readiness_path, limits.switch)),
            (
                WriteMap(back, behind),
                SetMap(back, limits.switch, behind),
                Drain(slot, config.drain.at_most(UNDO_DRAIN_S)),
            ),
        ),
        _drain(intent, config, bool(state.standby)),
        *_bake(intent, config, gates),
        Phase(RECORD, 30, (SaveState(state),), (SaveState(intent.base),), commits=True),
        Phase(STANDBY, 120, () if not old or state.standby else _vacate(old.slot)),
    )


def _drain(intent: Intent, config: Config, stays: bool) -> Phase:
    """A slot that stays as the standby ends nothing: only requests are waited for, for the report."""
    old, limits = intent.before.live, config.drain
    if not old or intent.stop_first:
        return Phase(DRAIN, limits.longest + 1)
    if stays:
        limits = Limits(limits.requests_s, 0, 0)
    return Phase(DRAIN, limits.longest + 1, (Drain(old.slot, limits, intent.slot, stays),))


def _vacate(slot: str) -> tuple[Effect, ...]:
    return StopUnit(slot), RemoveContainer(slot), UnlinkSlot(slot)


def _start(intent: Intent, config: Config, now: Moment) -> Phase:
    deadline_s = config.deadlines.start
    if intent.adopt:
        return Phase(START, deadline_s)
    slot, release = intent.slot, intent.target.id
    room: tuple[Effect, ...] = ()
    if intent.displaces and intent.before.standby:
        # What is still in flight to it has had its time since the switch, or has the rest of it now.
        left = config.drain.after(max(0.0, config.standby_s - intent.before.standby.left_s(now)))
        # Before it stops, HAProxy must no longer send to it while the live slot is down.
        alone = NO_SLOT if intent.stop_first else intent.before.routed
        room = (
            SaveState(intent.base),
            WriteMap(alone),
            SetMap(alone, config.deadlines.switch),
            Drain(slot, left),
            StopUnit(slot, quick=True),
        )
        deadline_s += left.longest + config.deadlines.switch
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


def _stop(intent: Intent, config: Config) -> tuple[Phase, ...]:
    """stop_first: the maintenance page answers while there is no room for two. Its undo brings the old one back."""
    old, limits, back = intent.before.live, config.deadlines, intent.before.routed
    if not intent.stop_first or not old:
        return ()
    # It served before: even if it is not ready now, it gets the traffic back rather than nobody.
    what = "readiness of the old release"
    ready = AwaitPath(old.slot, old.ref.id, what, intent.old_ready_path, limits.readiness, must=False)
    return (
        Phase(
            STOP,
            limits.switch + config.drain.longest + 120,
            (
                WriteMap(NO_SLOT),
                SetMap(NO_SLOT, limits.switch),
                Drain(old.slot, config.drain),
                StopUnit(old.slot),
            ),
            (StartUnit(old.slot), ready, WriteMap(back), SetMap(back, limits.switch)),
        ),
    )


def _canary(intent: Intent, config: Config) -> tuple[Phase, ...]:
    old, canary, slot = intent.before.live, intent.canary, intent.slot
    if not canary or not old:
        return ()
    effects: list[Effect] = []
    for percent in canary.steps:
        split = Split(old.slot, slot, percent)
        judge = JudgeStep(split, canary, percent == canary.steps[-1])
        effects += [WriteSplit(split), SetSplit(split, config.deadlines.switch), judge]
    # Each step has its own deadline; an operator ends a hold.
    return (
        Phase(
            CANARY,
            float("inf"),
            tuple(effects),
            (
                WriteMap(old.slot, intent.base.failover),
                SetMap(old.slot, config.deadlines.switch, intent.base.failover),
                Drain(slot, config.drain.at_most(UNDO_DRAIN_S)),
            ),
        ),
    )


def _bake(intent: Intent, config: Config, gates: Gates) -> tuple[Phase, ...]:
    """Before the record: what a bake takes back is an undo like any other. A person's rollback is not doubted."""
    old = intent.before.live
    if not config.bake_s or not old or intent.kind != "deploy" or intent.stop_first or intent.before.maintenance:
        return ()
    watch = Bake(
        slot=intent.slot,
        old=old.slot,
        version=intent.target.version,
        path=gates.version_path,
        seconds=config.bake_s,
        max_error_ratio=config.bake_max_error_ratio,
    )
    return (Phase(BAKE, config.bake_s + 30, (watch,)),)


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
    checks.append(RestoreCpuShares(slot))
    return Phase(GATE, limits.liveness + limits.readiness + limits.golden, tuple(checks))


def forward_of(phases: tuple[Phase, ...], ready: AwaitPath, start: Effect | None) -> tuple[Phase, ...]:
    """What is left after a crash past the switch: wait until the candidate is ready, switch again, continue."""
    at = next(n for n, phase in enumerate(phases) if phase.name == SWITCH)
    gate = Phase(GATE, 120, (*((start,) if start else ()), ready, RestoreCpuShares(ready.slot)))
    # An interrupted bake is not resumed; a healthy candidate goes live.
    return (gate, *(phase for phase in phases[at:] if phase.name != BAKE))


def resume_of(
    phases: tuple[Phase, ...], percent: int, ensure_up: tuple[Effect, ...], command: Mark | None = None
) -> tuple[Phase, ...]:
    """
    What is left of a canary that was interrupted at `percent`: wait until both slots are ready, then continue from
    there; with the switch, or held at the same step, if an operator had sent that `command`.
    """
    at = next(n for n, phase in enumerate(phases) if phase.name == CANARY)
    left = tuple(effect for effect in phases[at].effects if _percent(effect) >= percent)
    if command and command.mark == "promote":
        left = ()
    elif command:
        left = tuple(replace(it, held_by=command.cause) if isinstance(it, JudgeStep) else it for it in left)
    return (Phase(GATE, 240, ensure_up), replace(phases[at], effects=left), *phases[at + 1 :])


def _percent(effect: Effect) -> int:
    return effect.split.percent if isinstance(effect, WriteSplit | SetSplit | JudgeStep) else 0


def undo_of(phases: tuple[Phase, ...], reached: frozenset[str]) -> tuple[Effect, ...]:
    """The undo of every phase that was begun, last one first."""
    return tuple(effect for phase in reversed(phases) if phase.name in reached for effect in phase.undo)
