"""Runs phases: journals before and after each effect, emits events, and undoes what was begun on a failure."""

from __future__ import annotations

from ..model.errors import Code, Failure, Interrupted
from ..model.journal import Entry, Intent, Mark
from .effects import AppendHistory, Effect
from .executor import observe_after_drain, observe_before_switch, perform
from .gates import STILL_SERVES
from .phase_names import BAKE, CANARY, DRAIN, SWITCH, UNDO
from .phases import Phase, dated, undo_of
from .ports import Host, moment
from .run import Run
from .watch_effects import Bake

Timings = list[tuple[str, float]]


class Transaction:
    """
    One rollout in progress. `known` are all phases whose undo may be needed: recovery resumes in the middle, with
    earlier ones `reached` before the crash.
    """

    def __init__(
        self,
        host: Host,
        *,
        intent: Intent,
        known: tuple[Phase, ...],
        run: Run,
        reached: frozenset[str] = frozenset(),
        timings: Timings | None = None,
        recovered: bool = False,
    ) -> None:
        self.host = host
        self.intent = intent
        self.known = known
        self.run = run
        self.reached = set(reached)
        self.timings: Timings = timings if timings is not None else []
        self.recovered = recovered
        self.entry: Entry | None = None
        """Set once it is in the history."""

    @property
    def committed(self) -> bool:
        return self.entry is not None

    def execute(self, phases: tuple[Phase, ...] | None = None) -> Entry:
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
                    self.host.process.pause(0)
                    self.host.process.hold_signals(True)
                    observe_before_switch(self.host, self.run, self._front_door_path(todo))
                self._phase(phase)
                if phase.name == DRAIN:
                    observe_after_drain(self.host, self.run)
        except Exception as error:
            if isinstance(error, Interrupted) and self._waits_for_the_boot():
                raise
            failure = as_failure(error)
            if not self.committed:
                self.undo(failure)
                raise failure from error
            self.run.observations.warnings.append(failure.cause)
        assert self.entry is not None, "a transaction has a phase that commits"
        try:
            self.host.records.clear_journal()
        except Failure as error:
            # Recovery clears it: history says how it ended.
            self.run.observations.warnings.append(error.cause)
        return self.entry

    def _waits_for_the_boot(self) -> bool:
        """The SIGTERM of a reboot does not abort a canary that is to be resumed."""
        canary = self.intent.canary
        in_canary = CANARY in self.reached and SWITCH not in self.reached
        return in_canary and bool(canary and canary.on_interrupt == "resume") and self.host.units.shutting_down()

    def _front_door_path(self, phases: tuple[Phase, ...]) -> str | None:
        """What to request from the front door before a switch that will be baked."""
        bakes = (effect for phase in phases if phase.name == BAKE for effect in phase.effects)
        effect = next((bake for bake in bakes if isinstance(bake, Bake)), None)
        return (effect.path or "/") if effect and self.host.config.front_door else None

    def _phase(self, phase: Phase) -> None:
        host, started = self.host, self.host.process.monotonic()
        self._emit(phase.name, "start")
        self.reached.add(phase.name)
        try:
            for effect in phase.effects:
                self._step(phase, effect, started)
            if phase.commits:
                self._step(phase, AppendHistory(self._entry("live", None)), started)
        except Exception as error:
            took = host.process.monotonic() - started
            self.timings.append((phase.name, took))
            self._emit(phase.name, "failed", took, as_failure(error).cause)
            raise
        took = host.process.monotonic() - started
        self.timings.append((phase.name, took))
        self._emit(phase.name, "done", took)

    def _step(self, phase: Phase, effect: Effect, started: float) -> None:
        self.host.process.pause(0)
        left = phase.deadline_s - (self.host.process.monotonic() - started)
        if left <= 0:
            raise Failure(
                Code.GATE, f"{phase.name}: its deadline of {phase.deadline_s:g} s passed before {effect.name}"
            )
        self.host.records.append_journal(Mark(self.host.process.now(), phase.name, effect.name, "before"))
        perform(self.host, effect, self.run, left)
        if isinstance(effect, AppendHistory):
            # Before anything else can fail: what history says is live is never undone.
            self.entry = effect.entry
        self.host.records.append_journal(Mark(self.host.process.now(), phase.name, effect.name, "after"))

    def undo(self, failure: Failure) -> None:
        """Take back what was begun, last phase first. Raises Failure when that is not possible now."""
        host, started = self.host, self.host.process.monotonic()
        host.process.hold_signals(True)
        self._emit(UNDO, "start", cause=failure.cause)
        try:
            host.records.append_journal(Mark(host.process.now(), UNDO, "", "undo", failure.cause, failure.code))
        except Failure as error:
            # A full disk must not keep us from undoing: recovery reaches the same verdict from the marks.
            self.run.observations.warnings.append(error.cause)
        try:
            for effect in undo_of(self.known, frozenset(self.reached)):
                perform(self.host, effect, self.run, 120)
            host.records.append_history(self._entry("failed", failure))
            host.records.clear_journal()
        except Exception as error:
            second = as_failure(error)
            self._emit(UNDO, "failed", host.process.monotonic() - started, second.cause)
            code = second.code if second.code == Code.PREFLIGHT else Code.PERSON
            raise Failure(
                code,
                f"{failure.cause}; and undoing it failed: {second.cause}",
                "Both slots are left as they are. Fix the cause; `releasectl recover` (every minute) continues.",
                failure.logs,
            ) from error
        self._emit(UNDO, "done", host.process.monotonic() - started)

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
            ended=self.host.process.now(),
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
        self.host.events.emit(doc)


def as_failure(error: Exception) -> Failure:
    """Any exception as a Failure. An unexpected one keeps exit code 1 and is undone all the same."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, Interrupted):
        return Failure(Code.GATE, f"stopped by {error} before the switch", STILL_SERVES)
    return Failure(Code.UNEXPECTED, f"unexpected {type(error).__name__}: {error}", "This is a bug: please report it.")
