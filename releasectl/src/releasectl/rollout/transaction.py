"""Runs phases: journals before and after every effect, times, tells, and undoes what was begun when something fails."""

from __future__ import annotations

from ..model.counters import Span
from ..model.errors import Code, Failure, Interrupted
from ..model.journal import Entry, Intent, Mark
from ..model.model import Release, Settings
from ..model.rollout_options import RegistryAuth
from . import effects as fx
from .executor import Performer
from .phases import BAKE, CANARY, DRAIN, SWITCH, Phase, dated, undo_of
from .ports import Host, moment

Timings = list[tuple[str, float]]


class Transaction:
    """
    One rollout on its way. `phases` are run in order; `known` are all phases whose undo may be needed (recovery
    resumes in the middle, with earlier ones `reached` before the crash).
    """

    def __init__(
        self,
        host: Host,
        intent: Intent,
        known: tuple[Phase, ...],
        release: Release | None,
        settings: Settings,
        reached: frozenset[str] = frozenset(),
        timings: Timings | None = None,
        recovered: bool = False,
        auth: RegistryAuth | None = None,
    ) -> None:
        self.host = host
        self.intent = intent
        self.known = known
        self.release = release
        self.settings = settings
        self.reached = set(reached)
        self.timings: Timings = timings if timings is not None else []
        self.recovered = recovered
        self.entry: Entry | None = None
        """Set once history has it."""
        self.performer = Performer(host, release, settings, auth, intent.txn)
        self.switched: dict[str, Span] = {}
        """What each slot answered from right before the switch to the end of the drain."""
        self.warnings = self.performer.warnings

    @property
    def committed(self) -> bool:
        return self.entry is not None

    def run(self, phases: tuple[Phase, ...] | None = None) -> Entry:
        """
        Returns the history entry of a release that is live. Raises Failure once everything is undone; Interrupted with
        nothing undone when the host goes down in a canary that is to be resumed.
        """
        try:
            todo = phases or self.known
            for planned in todo:
                phase = planned
                if phase.commits:
                    phase = dated(phase, self.intent, self.host.config, moment(self.host))
                if phase.name == SWITCH:
                    # From here on the shortest way to safety is forward: a signal no longer stops the engine.
                    self.host.pause(0)
                    self.host.hold_signals(True)
                    self.performer.snapshot(self._door(todo))
                self._phase(phase)
                if phase.name == DRAIN:
                    self.switched = self.performer.switched()
        except Exception as trouble:
            if isinstance(trouble, Interrupted) and self._waits_for_the_boot():
                raise
            failure = as_failure(trouble)
            if not self.committed:
                self.undo(failure)
                raise failure from trouble
            self.warnings.append(failure.cause)
        assert self.entry is not None, "a transaction has a phase that commits"
        try:
            self.host.clear_journal()
        except Failure as trouble:
            # Recovery clears it: history says how it ended.
            self.warnings.append(trouble.cause)
        return self.entry

    def _waits_for_the_boot(self) -> bool:
        """A reboot's SIGTERM is nobody's wish to abort."""
        canary = self.intent.canary
        there = CANARY in self.reached and SWITCH not in self.reached
        return there and bool(canary and canary.on_interrupt == "resume") and self.host.shutting_down()

    def _door(self, phases: tuple[Phase, ...]) -> str | None:
        """What to ask the front door for before a switch that is going to be baked."""
        bakes = (effect for phase in phases if phase.name == BAKE for effect in phase.effects)
        effect = next((it for it in bakes if isinstance(it, fx.Bake)), None)
        return (effect.path or "/") if effect and self.host.config.front_door else None

    def _phase(self, phase: Phase) -> None:
        host, started = self.host, self.host.monotonic()
        self._emit(phase.name, "start")
        self.reached.add(phase.name)
        try:
            for effect in phase.effects:
                self._step(phase, effect, started)
            if phase.commits:
                self._step(phase, fx.AppendHistory(self._entry("live", None)), started)
        except Exception as trouble:
            took = host.monotonic() - started
            self.timings.append((phase.name, took))
            self._emit(phase.name, "failed", took, as_failure(trouble).cause)
            raise
        took = host.monotonic() - started
        self.timings.append((phase.name, took))
        self._emit(phase.name, "done", took)

    def _step(self, phase: Phase, effect: fx.Effect, started: float) -> None:
        self.host.pause(0)
        left = phase.deadline_s - (self.host.monotonic() - started)
        if left <= 0:
            raise Failure(
                Code.GATE, f"{phase.name}: its deadline of {phase.deadline_s:g} s passed before {effect.name}"
            )
        self.host.append_journal(Mark(self.host.now(), phase.name, effect.name, "before"))
        self.performer.perform(effect, left)
        if isinstance(effect, fx.AppendHistory):
            # Before anything else can fail: what history says is live is never undone.
            self.entry = effect.entry
        self.host.append_journal(Mark(self.host.now(), phase.name, effect.name, "after"))

    def undo(self, failure: Failure) -> None:
        """Take back what was begun, last phase first. Raises Failure when that is not possible now."""
        host, started = self.host, self.host.monotonic()
        host.hold_signals(True)
        self._emit("undo", "start", cause=failure.cause)
        try:
            host.append_journal(Mark(host.now(), "undo", "", "undo", failure.cause, failure.code))
        except Failure as trouble:
            # A full disk must not keep us from undoing: recovery reaches the same verdict from the marks.
            self.warnings.append(trouble.cause)
        try:
            for effect in undo_of(self.known, frozenset(self.reached)):
                self.performer.perform(effect, 120)
            host.append_history(self._entry("failed", failure))
            host.clear_journal()
        except Exception as trouble:
            second = as_failure(trouble)
            self._emit("undo", "failed", host.monotonic() - started, second.cause)
            code = second.code if second.code == Code.PREFLIGHT else Code.PERSON
            raise Failure(
                code,
                f"{failure.cause}; and undoing it failed: {second.cause}",
                "Both slots are left as they are. Fix the cause; `releasectl recover` (every minute) continues.",
                failure.logs,
            ) from trouble
        self._emit("undo", "done", host.monotonic() - started)

    def _entry(self, outcome: str, failure: Failure | None) -> Entry:
        intent = self.intent
        old = intent.before.live
        # The same release again is no way back from itself.
        previous = old.ref if old and old.ref.id != intent.target.id else intent.before.previous
        return Entry(
            txn=intent.txn,
            kind=intent.kind,
            outcome=outcome,
            release=intent.target,
            slot=intent.slot,
            previous=previous,
            by=intent.by,
            reason=intent.reason,
            started=intent.started,
            ended=self.host.now(),
            phases=tuple(self.timings),
            cause=failure.cause if failure else None,
            recovered=self.recovered,
            logs=failure.logs if failure else (),
        )

    def _emit(self, phase: str, event: str, seconds: float | None = None, cause: str | None = None) -> None:
        doc: dict[str, object] = {"txn": self.intent.txn, "phase": phase, "event": event}
        if seconds is not None:
            doc["seconds"] = round(seconds, 3)
        if cause is not None:
            doc["cause"] = cause
        doc["version"] = self.intent.target.version
        self.host.emit(doc)


def as_failure(trouble: Exception) -> Failure:
    """Whatever went wrong, as a Failure. What nobody foresaw keeps exit code 1 and still gets undone."""
    if isinstance(trouble, Failure):
        return trouble
    if isinstance(trouble, Interrupted):
        return Failure(Code.GATE, f"stopped by {trouble} before the switch", "The old release still serves.")
    return Failure(
        Code.UNEXPECTED, f"unexpected {type(trouble).__name__}: {trouble}", "This is a bug: please report it."
    )
