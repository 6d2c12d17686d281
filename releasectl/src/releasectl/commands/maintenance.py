"""Maintenance: a person takes the traffic away and gives it back. Rollouts and recovery leave that as it is."""

from __future__ import annotations

from ..documents.timestamps import rfc3339
from ..model.errors import Code, Failure
from ..model.journal import Entry
from ..model.model import NO_SLOT, Maintenance, Release, State
from ..rollout import effects as fx
from ..rollout.executor import perform
from ..rollout.gates import PROBE_S
from ..rollout.ports import Host, ProbeRequest
from ..rollout.reconcile import RECOVERY
from ..rollout.run import new_run
from ..startup.fast_dataclass import replace
from .result import Result


def describe(it: Maintenance) -> str:
    return f"in maintenance since {rfc3339(it.since)} by {it.by}" + (f": {it.reason}" if it.reason else "")


def refuse_others(now: Maintenance | None, by: str) -> None:
    """Only who has begun a maintenance knows when it may end. Raises Failure (code 2)."""
    if now is None or now.by in (by, RECOVERY):
        return
    raise Failure(
        Code.USAGE,
        f"{describe(now)}: {by} did not begin it",
        f"Ask {now.by}, then: sudo releasectl maintenance off --force",
    )


def record(host: Host, state: State, on: bool, by: str, reason: str, txn: str, result: Result) -> None:
    """An event, and a line of history: of the live release, or of the one that was live before."""
    what, at = "on" if on else "off", host.process.now()
    host.events.emit({"phase": "maintenance", "event": what, "by": by, "reason": reason})
    live = state.live
    ref = live.ref if live else state.previous
    if ref is None:
        return
    slot = live.slot if live else NO_SLOT
    try:
        host.records.append_history(Entry(txn, "maintenance", what, ref, slot, None, by, reason, at, at))
    except Failure as failure:
        # The maintenance itself is recorded, in state.json.
        result.warnings.append(failure.cause)


def set_maintenance(host: Host, state: State, on: Maintenance | None, result: Result) -> None:
    """
    Under the lock, after recovery. The record goes first: whatever happens then, recovery makes the edge agree with it.
    Raises Failure; the end of a maintenance is refused while the live release is not ready.
    """
    live, now = state.live, state.maintenance
    result.release = live.ref if live else None
    if bool(on) == bool(now):
        result.outcome = "unchanged"
        result.message = f"{describe(now)} already" if now else "not in maintenance"
        return
    host.routing.get_map()
    if not on and live:
        release = host.records.releases().get(live.ref.id)
        path = release.gates.readiness_path if isinstance(release, Release) else "/ready"
        reply = host.http.probe(live.slot, ProbeRequest(path, PROBE_S))
        if reply.status != 200:
            raise Failure(
                Code.PREFLIGHT,
                f"{live.ref} does not answer GET {path} with 200: {reply.status or reply.body}",
                "Fix it, or roll back or deploy in maintenance, then run the command again.",
            )
    new = replace(state, maintenance=on)
    run, limit = new_run(), host.config.deadlines.switch
    for effect in (fx.SaveState(new), fx.WriteMap(new.routed, new.failover),
                   fx.SetMap(new.routed, limit, new.failover)):  # fmt: skip
        perform(host, effect, run, limit)
    result.outcome, result.changed = "maintenance" if on else "live", True
    after = f"{live.ref} has the traffic again" if live else "nothing is live"
    result.message = describe(on) if on else f"maintenance ended, {after}"
