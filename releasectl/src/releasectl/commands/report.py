"""Read-only commands: status and history as JSON documents and as text."""

from __future__ import annotations

from typing import Any

from ..documents.codec import entry_doc, read_entry, ref_doc, state_doc
from ..documents.release_fields import gates_doc
from ..documents.timestamps import age, parse
from ..model.errors import Code, Failure
from ..model.model import Gates, Release, State
from ..rollout.gates import PROBE_S, is_ready
from ..rollout.network import status_lines
from ..rollout.ports import Host, ProbeRequest, RecordSnapshot, Unreadable, moment
from ..startup.fast_dataclass import replace
from .maintenance import describe
from .rollback_info import rollback_info

# How long a container exit stays in the status: a container that crashes in a loop is up most of the time.
RECENTLY_S = 60
AGAIN = "systemd starts it again each time. If it goes on: releasectl rollback"


def status(host: Host, holder: str | None) -> dict[str, Any]:
    """`holder`: who changes something now. `healthy` is None when nothing is live; no `troubles` when all is well."""
    records = host.records.read()
    troubles: list[str] = []
    state = records.state if isinstance(records.state, State) else State()
    if isinstance(records.state, Unreadable):
        troubles.append(f"state.json cannot be read ({records.state.why}); run: releasectl recover")
    if records.journal is not None and holder is None:
        troubles.append(f"interrupted work: {_interrupted(records)}; it is finished or undone within a minute")
    routed = _routed(host, state, troubles, holder)
    troubles += status_lines(host.packet_filter.read(host.units.states().ports(host.config)))
    release = _live_release(host, state, troubles)
    healthy = _healthy(host, state, release, troubles)
    doc = {
        "service": host.config.service,
        "code": Code.OK,
        **state_doc(_as_of_now(host, state)),
        "healthy": healthy,
        "gates": gates_doc(release.gates) if release else None,
        "routed": routed,
        "changing": holder,
        "canary": host.canary_mailbox.read_status() if holder else None,
        "maintenance": state_doc(state).get("maintenance"),
        "failover": None if healthy is not False else _failover(host, state, records),
        "rollback": rollback_info(host, state) if state.live else None,
        "troubles": troubles,
    }
    return {**doc, "text": _status_text(doc, state, host.process.now())}


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


def _routed(host: Host, state: State, troubles: list[str], holder: str | None) -> str | None:
    try:
        routed = host.routing.get_map()
    except Failure as failure:
        troubles.append(failure.cause)
        return None
    # While it bakes, a release has the traffic before the record says so.
    if routed != state.routed and holder is None:
        troubles.append(f"HAProxy routes to {routed}, the record says {state.routed}; run: releasectl recover")
    return routed


def _live_release(host: Host, state: State, troubles: list[str]) -> Release | None:
    if state.live is None:
        return None
    release = host.records.releases().get(state.live.ref.id)
    if isinstance(release, Release):
        return release
    troubles.append(f"the record of {state.live.ref} cannot be read")
    return None


def _healthy(host: Host, state: State, release: Release | None, troubles: list[str]) -> bool | None:
    if state.live is None:
        return None
    if release is None:
        return False
    path = release.gates.readiness_path
    reply = host.http.probe(state.live.slot, ProbeRequest(path, PROBE_S))
    last_exit = host.units.last_exit(state.live.slot)
    if last_exit:
        cause, exited_at = last_exit
        seconds = host.process.now() - exited_at
        if 0 <= seconds < RECENTLY_S:
            troubles.append(f"the container of {state.live.ref} {cause} {age(seconds)} ago; {AGAIN}")
    if reply.status != 200:
        troubles.append(f"{state.live.ref} does not answer GET {path} with 200: {reply.status or reply.body}")
    return reply.status == 200


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


def _status_text(doc: dict[str, Any], state: State, now: float) -> str:
    live, standby = doc["live"], doc["standby"]
    if live is None:
        lines = [f"{doc['service']}  nothing is live"]
    else:
        release, health = live["release"], "healthy" if doc["healthy"] else "NOT HEALTHY"
        since = age(now - parse(live["since"]))
        lines = [
            f"{doc['service']}  {release['version']} live on {live['slot']}, {health}, for {since} (by {live['via']})",
            f"  image     {release['image']}",
        ]
        if release["model_version"]:
            lines.append(f"  model     {release['model_version']}")
    if state.maintenance:
        lines.append(f"  MAINTENANCE  {describe(state.maintenance)}; `releasectl maintenance off` ends it")
    if it := doc["failover"]:
        lines.append(f"  FAILOVER  {it['release']['version']} on {it['slot']} answers: {it['cause']}")
    if standby:
        lines.append(f"  standby   {standby['release']['version']} on {standby['slot']} until {standby['until']}")
    if doc["rollback"]:
        lines.append(f"  rollback  {doc['rollback']}")
    if doc["changing"]:
        lines.append(f"  running   {doc['changing']}")
    if doc["canary"]:
        lines.append(f"  canary    {canary_line(doc['canary'])}")
    lines += [f"  TROUBLE   {problem}" for problem in doc["troubles"]]
    return "\n".join(lines) + "\n"


def canary_line(doc: dict[str, Any]) -> str:
    return (
        f"{doc['version']} on {doc['slot']} gets {doc['percent']} %, {doc['state']} since {age(doc['since_s'])}; "
        f"candidate: {doc['candidate']}; live: {doc['live']}"
    )


def history(host: Host, count: int) -> dict[str, Any]:
    """The newest `count` ended transactions, the newest first."""
    found = host.records.history()
    releases = [entry_doc(entry) for entry in reversed(found.entries)][:count]
    doc = {"service": host.config.service, "code": Code.OK, "releases": releases, "unreadable": found.unreadable}
    return {**doc, "text": _history_text(doc)}


def _history_text(doc: dict[str, Any]) -> str:
    lines = [_history_line(item) for item in doc["releases"]] or ["no rollout has ended here yet"]
    if doc["unreadable"]:
        lines.append(f"{doc['unreadable']} line(s) of history.jsonl cannot be read")
    return "\n".join(lines) + "\n"


def _history_line(item: dict[str, Any]) -> str:
    entry = read_entry(item)
    # Not from its times: a clock that was set meanwhile would tell of hours, or of less than nothing.
    took = f"{sum(seconds for _, seconds in entry.phases):.1f}s"
    line = f"{item['ended'][:19]}Z  {entry.kind:8} {entry.outcome:6} "
    line += f"{entry.release.version:12} release {entry.release.id:<4} {took:>7}  by {entry.by}"
    if entry.reason:
        line += f": {entry.reason}"
    return line + (f"\n{'':22}{entry.cause}" if entry.cause else "")
