"""Maintenance: an operator replaces the service with the maintenance page, and ends it. Rollouts do not end it."""

from __future__ import annotations

from ..documents.timestamps import rfc3339
from ..model.errors import Code, Failure
from ..model.model import Maintenance, Release, State
from ..rollout import effects as fx
from ..rollout.executor import perform
from ..rollout.finding import releasectl
from ..rollout.gates import PROBE_S
from ..rollout.ports import Host, ProbeRequest
from ..rollout.reconcile import RECOVERY
from ..rollout.run import new_run
from ..rollout.watch_effects import Drain
from ..startup.fast_dataclass import replace
from .history_line import append_line
from .result import Result


def describe(it: Maintenance) -> str:
    until = " until the next boot" if it.boot else ""
    return f"in maintenance{until} since {rfc3339(it.since)} by {it.by}" + (f": {it.reason}" if it.reason else "")


def refuse_others(service: str, now: Maintenance | None, by: str) -> None:
    """Only who has begun a maintenance knows when it may end. Raises Failure (code 2)."""
    if now is None or now.by in (by, RECOVERY):
        return
    raise Failure(
        Code.USAGE,
        f"another operator began this maintenance ({describe(now).removeprefix('in maintenance ')})",
        f"Confirm with {now.by} that it can end, then run: {releasectl(service, 'maintenance off --force')}",
    )


def record(host: Host, state: State, on: bool, by: str, reason: str, txn: str, result: Result) -> None:
    """An event, and a line of history: of the live release, or of the one that was live before."""
    what = "on" if on else "off"
    host.events.emit({"phase": "maintenance", "event": what, "by": by, "reason": reason})
    try:
        append_line(host, state, txn, "maintenance", what, by, reason)
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
    if on and on.boot and live:
        # The reboot would break off what is in flight.
        perform(host, Drain(live.slot, host.config.drain), run, host.config.drain.longest)
        result.warnings += run.observations.warnings
    result.outcome, result.changed = "maintenance" if on else "live", True
    after = f"{live.ref} has the traffic again" if live else "nothing is live"
    result.message = describe(on) if on else f"maintenance ended, {after}"
