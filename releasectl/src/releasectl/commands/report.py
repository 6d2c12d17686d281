"""The status as a JSON document and as text. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..documents.codec import entry_doc, ref_doc, state_doc
from ..documents.release_fields import gates_doc
from ..documents.timestamps import age
from ..model.errors import Code, Failure
from ..model.journal import Entry, Journal
from ..model.model import Gates, Release, State
from ..rollout.capacity import Memory
from ..rollout.finding import DOCKER, RELEASE, ROUTE, Finding
from ..rollout.gates import PROBE_S, is_ready
from ..rollout.network import status_lines
from ..rollout.ports import Host, ProbeRequest, RecordSnapshot, Unreadable, moment
from ..rollout.surroundings import (
    Surroundings,
    certificate_findings,
    converge,
    edge_findings,
    registry_findings,
    room_findings,
    unit_findings,
)
from ..startup.fast_dataclass import replace
from .around import Around
from .reachability import unreachable
from .rollback_info import rollback_info
from .serving import ask_as_client, client_doc, verdict
from .status_text import status_text

# How long a container exit stays in the status. A second one within this time is a crash loop, although the container
# is up most of the time.
RECENTLY_S = 60
AGAIN = "systemd restarts it each time. If this continues: releasectl rollback"
SERVED, WITH_TROUBLES, NOT_SERVED = 0, 1, 2
UNNAMED_HOST = "HOST"


def exit_code(doc: dict[str, Any]) -> int:
    if doc["serving"] is False:
        return NOT_SERVED
    return WITH_TROUBLES if doc["troubles"] else SERVED


def status(host: Host, holder: str | None, around: Around | None = None) -> dict[str, Any]:
    """
    `holder`: who changes something now. `serving`: whether clients are served; None when that is unknown. `healthy`:
    the live slot; None when nothing is live. No `troubles` when all is well.
    """
    around = around or Around()
    records = host.records.read()
    findings: list[Finding] = []
    state = records.state if isinstance(records.state, State) else State()
    release = _live_release(host, state)
    asked = around.begin(lambda: ask_as_client(host, release, judged=holder is None))
    looked = around.begin(lambda: around.read(release.ref.image if release else None))
    if isinstance(records.state, Unreadable):
        findings.append(Finding(ROUTE, f"state.json cannot be read ({records.state.why})", "sudo releasectl recover"))
    if records.journal is not None and holder is None:
        findings.append(
            Finding("host", f"interrupted work: {_interrupted(records)}; it is finished or undone within a minute")
        )
    routed = _routed(host, state, findings, holder)
    rules = status_lines(host.packet_filter.read(host.units.states().ports(host.config)))
    docker = [Finding(DOCKER, line) for line in rules]
    own: list[Finding] = []
    healthy = _healthy(host, state, release, docker, own)
    restarted = _restarted(host, state, healthy, own)
    seen = looked()
    findings += [*_around(host, seen), *docker, *own, *_room(host)]
    client, name = asked(), host.config.host or UNNAMED_HOST
    serving, cause, named = verdict(client, state, findings, converge(name, "edge"))
    if serving and client.problem:
        findings.append(Finding(RELEASE, client.problem))
    if client.edge_away and named:
        # HAProxy's silence on its socket has the same cause.
        findings = [it for it in findings if it.about != ROUTE or it is named]
    troubles = [str(it) for it in findings]
    doc = {
        "service": host.config.service,
        "code": Code.OK,
        "serving": serving,
        "serving_cause": cause or None,
        "client": client_doc(client),
        **state_doc(_as_of_now(host, state)),
        "healthy": healthy,
        "restarted": restarted,
        "gates": gates_doc(release.gates) if release else None,
        "routed": routed,
        "changing": holder,
        "reason": records.journal.intent.reason if holder and isinstance(records.journal, Journal) else None,
        "canary": host.canary_mailbox.read_status() if holder else None,
        "maintenance": state_doc(state).get("maintenance"),
        "failover": None if healthy is not False else _failover(host, state, records),
        "rollback": rollback_info(host, state) if state.live else None,
        "last_failure": _last_failure(host.records.history().entries),
        "problems": [{"about": it.about, "cause": it.cause, "fix": it.fix or None} for it in findings],
        "troubles": troubles,
    }
    others = [str(it) for it in findings if it is not named and not (serving and it.cause == client.problem)]
    return {**doc, "text": status_text(doc, state, host.process.now(), others)}


def _around(host: Host, seen: Surroundings) -> tuple[Finding, ...]:
    name = host.config.host or UNNAMED_HOST
    return (
        *unit_findings(seen, host.config.service),
        *edge_findings(seen, name),
        *certificate_findings(seen.certificates, host.process.now(), name),
        *registry_findings(seen),
    )


def _room(host: Host) -> tuple[Finding, ...]:
    """Unknown is not too little: with Docker down nothing is known of its disk, and that has a finding of its own."""
    free_mb: int | None = None
    memory: Memory | None = None
    try:
        free_mb = host.containers.free_mb()
        memory = host.machine.memory()
    except (Failure, OSError):
        pass
    return room_findings(free_mb, host.config.min_free_mb, memory)


def _as_of_now(host: Host, state: State) -> State:
    """When the standby really ends, by the clock as it goes now."""
    standby = state.standby
    until = host.process.now() + standby.left_s(moment(host)) if standby else 0
    return replace(state, standby=standby and replace(standby, until=until, ends=None))


def _interrupted(records: RecordSnapshot) -> str:
    if isinstance(records.journal, Unreadable) or records.journal is None:
        return "its journal cannot be read"
    intent = records.journal.intent
    return f"{intent.kind} of {intent.target}"


def _routed(host: Host, state: State, findings: list[Finding], holder: str | None) -> str | None:
    try:
        routed = host.routing.get_map()
    except Failure as failure:
        findings.append(Finding(ROUTE, failure.cause, failure.hint or ""))
        return None
    # While it bakes, a release has the traffic before the record says so.
    if routed != state.routed and holder is None:
        cause = f"HAProxy routes to {routed}, the record says {state.routed}"
        findings.append(Finding(ROUTE, cause, "sudo releasectl recover"))
    return routed


def _live_release(host: Host, state: State) -> Release | None:
    if state.live is None:
        return None
    release = host.records.releases().get(state.live.ref.id)
    return release if isinstance(release, Release) else None


def _healthy(
    host: Host, state: State, release: Release | None, docker: list[Finding], own: list[Finding]
) -> bool | None:
    if state.live is None:
        return None
    if release is None:
        own.append(Finding(RELEASE, f"the record of {state.live.ref} cannot be read"))
        return False
    path = release.gates.readiness_path
    reply = host.http.probe(state.live.slot, ProbeRequest(path, PROBE_S))
    if reply.status == 200:
        return True
    cut_off = unreachable(host, state.live.slot, release) if not reply.status else None
    if cut_off:
        docker.insert(0, cut_off)
    own.append(Finding(RELEASE, f"{state.live.ref} does not answer GET {path} with 200: {reply.status or reply.body}"))
    return False


def _restarted(host: Host, state: State, healthy: bool | None, own: list[Finding]) -> dict[str, Any] | None:
    """The last exit of the live container, if that was a moment ago; a finding if it is down or goes on exiting."""
    last_exit = host.units.last_exit(state.live.slot) if state.live else None
    if not last_exit or not state.live:
        return None
    cause, exited_at = last_exit
    seconds = host.process.now() - exited_at
    if not 0 <= seconds < RECENTLY_S:
        return None
    live = state.live
    exits = [it for it in host.units.read_exits() if it.slot == live.slot and exited_at - it.at < RECENTLY_S]
    if len(exits) > 1 or not healthy:
        own.insert(0, Finding(RELEASE, f"the container of {live.ref} {cause} {age(seconds)} ago; {AGAIN}"))
    return {"cause": cause, "seconds": round(seconds, 1)} if healthy else None


def _last_failure(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """The newest rollout, if it failed: what came after it succeeded otherwise."""
    last = next((it for it in reversed(entries) if it.outcome in ("live", "failed")), None)
    if last is None or last.outcome != "failed":
        return None
    doc = entry_doc(last)
    return {"version": last.release.version, **{key: doc[key] for key in ("kind", "by", "reason", "ended", "cause")}}


def _failover(host: Host, state: State, records: RecordSnapshot) -> dict[str, Any] | None:
    """The standby that answers while the live slot is down."""
    live, standby = state.live, state.standby
    if not live or not standby or records.map_standby != standby.slot or not _is_down(host, live.slot):
        return None
    release = host.records.releases().get(standby.ref.id)
    if not is_ready(host, standby.slot, release.gates if isinstance(release, Release) else Gates()):
        return None
    last = next((it for it in reversed(host.units.read_exits()) if it.slot == live.slot), None)
    why = str(last) if last and last.back is None else f"{live.ref} does not answer"
    return {"release": ref_doc(standby.ref), "slot": standby.slot, "cause": why}


def _is_down(host: Host, slot: str) -> bool:
    """Whether HAProxy considers the slot down. Unknown counts as up."""
    try:
        return host.routing.is_down(slot)
    except Failure:
        return False
