"""
Recovery: finish or undo what an engine left behind, then make the host agree with the truth. Runs before every command
that changes something, at boot, and on a timer; running it twice is running it once.
"""

from __future__ import annotations

from ..model.errors import Code, Failure
from ..model.journal import Intent, Journal
from ..model.model import NO_SLOT, Gates, Live, Release, Settings, State
from ..startup.fast_dataclass import dataclass, field, replace
from . import effects as fx
from .executor import perform
from .gates import is_ready
from .network import Network, lasting_failure
from .phase_names import CANARY, STANDBY, SWITCH
from .phases import forward_of, phases_of, resume_of
from .ports import Host, RecordSnapshot, UnitStates, Unreadable, moment
from .reconcile import assume_live, rebuild, reconcile, repair, standby_is_over
from .run import new_run
from .transaction import Transaction, as_failure
from .watch_effects import AwaitPath

RECHECK_S = 2.0


@dataclass()
class Recovered:
    """What recovery found and did. `troubles` did not keep it from knowing the truth; `done` is in words."""

    state: State = field(default_factory=State)
    done: list[str] = field(default_factory=list)
    troubles: list[Failure] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    """The part of `done` that repaired drift."""
    maintenance_over: bool = False
    """The host has rebooted, which ended a maintenance."""
    ended: list[tuple[Intent, Failure | None]] = field(default_factory=list)
    """Interrupted transactions and why they were undone; None: live. While a journal is there, no hook has heard."""


def recover(
    host: Host, declared: str | None = None, resume: bool = False, result: Recovered | None = None
) -> Recovered:
    """
    `result` is filled, also as far as it came when this raises.

    `declared`: the slot a person says is live. `resume`: a canary may be gone on with, if that is what it asks for; a
    command that wants something else has it aborted. Raises Failure when the truth stays unknown or an undo is stuck.
    """
    result = result or Recovered()
    host.records.sweep()
    records = host.records.read()
    if declared:
        records = _declare(host, declared, records, result)
    if isinstance(records.journal, Unreadable):
        # Without a state to fall back on, `rebuild` below decides whether the rest is unambiguous.
        result.done.append(
            f"journal unreadable ({records.journal.why}); set aside as {host.records.set_aside_journal()}"
        )
    elif records.journal is not None:
        try:
            _resolve(host, records, records.journal, result, resume)
        finally:
            # Undoing and finishing hold them; the command that comes next can be stopped again.
            host.process.hold_signals(False)
        records = host.records.read()
    if isinstance(records.state, State):
        result.state = records.state
    else:
        history = host.records.history()
        releases = host.records.releases()
        result.state = rebuild(records, history, releases, host.config, host.process.now())
        if records.state is not None or result.state != State():
            host.records.save_state(result.state)
            live = result.state.live
            result.done.append(f"state.json rebuilt: {live.ref if live else 'nothing'} is live")
            result.repaired.append(result.done[-1])
    _end_maintenance(host, result)
    result.state = _agree(host, result.state, records, result)
    return result


def _end_maintenance(host: Host, result: Recovered) -> None:
    """One that lasts until the host has rebooted."""
    it = result.state.maintenance
    if it and it.boot and it.boot != host.machine.boot():
        result.state = replace(result.state, maintenance=None)
        host.records.save_state(result.state)
        result.maintenance_over = True
        result.done.append(f"the host has rebooted: the maintenance by {it.by} ended")


def _declare(host: Host, slot: str, records: RecordSnapshot, result: Recovered) -> RecordSnapshot:
    history, releases = host.records.history(), host.records.releases()
    state = assume_live(slot, records, history, releases, host.process.now())
    if records.journal is not None:
        result.done.append(f"journal set aside as {host.records.set_aside_journal()}")
    if isinstance(records.state, State):
        state = replace(state, maintenance=records.state.maintenance)
    host.records.save_state(state)
    result.done.append(f"{slot} declared live")
    return host.records.read()


def _resolve(host: Host, records: RecordSnapshot, journal: Journal, result: Recovered, resume: bool) -> None:
    """An interrupted transaction: before the switch it is undone; after, it is finished if the candidate is well."""
    intent, what = journal.intent, f"{journal.intent.kind} of {journal.intent.target}"
    release = host.records.releases().get(intent.target.id)
    readable = release if isinstance(release, Release) else None
    gates = readable.gates if readable else Gates()
    phases = phases_of(intent, host.config, gates, True, moment(host))
    settings = host.records.settings(intent.target.id) if readable else Settings()
    reached = frozenset(mark.phase for mark in journal.marks)
    run = new_run(readable, settings, txn=intent.txn)
    transaction = Transaction(host, intent=intent, known=phases, run=run, reached=reached, recovered=True)
    ended = next((entry for entry in reversed(host.records.history().entries) if entry.txn == intent.txn), None)
    if ended is not None:
        if ended.outcome == "live":
            for effect in next(phase for phase in phases if phase.name == STANDBY).effects:
                perform(host, effect, run, 120)
        host.records.clear_journal()
        result.ended.append((intent, None if ended.outcome == "live" else Failure(Code.GATE, ended.cause or "")))
        result.done.append(f"{what} had ended ({ended.outcome}); journal cleared")
        return
    verdict = journal.undoing
    canary = intent.canary
    resumes = bool(resume and canary and canary.on_interrupt == "resume" and journal.reached(CANARY))
    if verdict is None and readable and (journal.reached(SWITCH) or resumes):
        ready, start = ensure_candidate_up(host, journal, gates)
        try:
            if journal.reached(SWITCH):
                transaction.execute(forward_of(phases, ready, start))
            else:
                both = ensure_both_up(host, journal, ready, start)
                transaction.execute(resume_of(phases, records.map_percent, both, journal.canary_command))
            result.done.append(f"interrupted {what} finished: it is live")
            result.ended.append((intent, None))
            return
        except Failure as failure:
            if host.records.read().journal is not None:
                raise
            result.done.append(f"interrupted {what} undone: {failure.cause}")
            result.ended.append((intent, failure))
            return
    last = journal.marks[-1].phase if journal.marks else "preflight"
    cause = verdict.cause if verdict and verdict.cause else f"interrupted in phase {last}"
    undone = Failure(verdict.code if verdict else Code.GATE, cause)
    transaction.undo(undone)
    result.done.append(f"interrupted {what} undone: {cause}")
    result.ended.append((intent, undone))


def ensure_candidate_up(host: Host, journal: Journal, gates: Gates) -> tuple[AwaitPath, fx.Effect | None]:
    slot, limit = journal.intent.slot, host.config.deadlines.readiness
    ready = AwaitPath(slot, journal.intent.target.id, "readiness", gates.readiness_path, limit)
    return ready, None if host.units.states().up(slot) else fx.StartUnit(slot)


def ensure_both_up(host: Host, journal: Journal, ready: fx.Effect, start: fx.Effect | None) -> tuple[fx.Effect, ...]:
    """After a reboot nobody has started the live slot yet: it comes first, it has the larger share."""
    live = journal.intent.before.live
    old = (fx.StartUnit(live.slot),) if live and not host.units.states().up(live.slot) else ()
    return (*old, *((start,) if start else ()), ready)


def _agree(host: Host, state: State, records: RecordSnapshot, result: Recovered) -> State:
    request = host.units.request_states()
    runtime: str | None = None
    percent, spare = records.map_percent, NO_SLOT
    try:
        split = host.routing.get_split()
        runtime = split.live if split else "missing"
        percent, spare = max(percent, split.percent if split else 0), split.standby if split else NO_SLOT
    except Failure as failure:
        result.troubles.append(failure)
    states = request()
    try:
        containers = host.containers.by_slot()
    except Failure:
        # Only used to clean up; with Docker down there is nothing to clean now.
        containers = {}
    network = _network(host, states, result)
    answers = _standby_may_end(host, state)
    todo = (
        *repair(network),
        *reconcile(
            state,
            records=records,
            units=states,
            runtime=runtime,
            containers=containers,
            now=moment(host),
            config=host.config,
            percent=percent,
            runtime_standby=spare,
            answers=answers,
        ),
    )
    live = state.live
    # The end of a standby changes the map as well.
    drifted = not any(isinstance(effect, fx.SaveState) for effect in todo)
    run = new_run(settings=_settings_of(host, live))
    for effect in todo:
        why = {"cause": effect.cause} if isinstance(effect, fx.RestartDocker) else {}
        host.events.emit({"phase": "recover", "event": "start", "effect": effect.name, **why})
        try:
            perform(host, effect, run, host.config.deadlines.start if isinstance(effect, fx.StartUnit) else 120)
        except Exception as error:
            problem = as_failure(error)
            host.events.emit({"phase": "recover", "event": "failed", "effect": effect.name, "cause": problem.cause})
            result.troubles.append(problem)
            continue
        host.events.emit({"phase": "recover", "event": "done", "effect": effect.name})
        if isinstance(effect, fx.SaveState):
            state = effect.state
        result.done.append(effect.describe(live))
        if isinstance(effect, (fx.RestartDocker, fx.LoadFirewall)) or (drifted and isinstance(effect, fx.SetMap)):
            result.repaired.append(result.done[-1])
    result.done += run.observations.warnings
    return state


def _network(host: Host, states: UnitStates, result: Recovered) -> Network:
    """Read twice before anything is repaired: Docker's rules are gone for a moment whenever it starts."""
    network = host.packet_filter.read(states.ports(host.config))
    if not network.whole:
        host.process.pause(RECHECK_S)
        network = host.packet_filter.read(host.units.states().ports(host.config))
    failure = lasting_failure(network)
    if failure:
        result.troubles.append(failure)
    return network


def _standby_may_end(host: Host, state: State) -> bool:
    """Not while the live slot is down: then the standby answers for it. Asked only once its time is over."""
    live, standby = state.live, state.standby
    if not live or not standby or not standby_is_over(standby, moment(host), host.config):
        return True
    release = host.records.releases().get(live.ref.id)
    return is_ready(host, live.slot, release.gates if isinstance(release, Release) else Gates())


def _settings_of(host: Host, live: Live | None) -> Settings:
    """To keep the live release's secrets out of what is told when its slot does not start."""
    try:
        return host.records.settings(live.ref.id) if live else Settings()
    except (OSError, ValueError, Failure):
        # Without its files the container does not start, so it says nothing either.
        return Settings()
