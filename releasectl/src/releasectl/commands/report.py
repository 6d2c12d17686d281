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
from ..rollout.finding import RELEASE, ROUTE, Finding, releasectl
from ..rollout.gates import PROBE_S, is_ready
from ..rollout.model_store import ModelStore, model_store
from ..rollout.network import Network, network_findings
from ..rollout.ports import Host, ProbeRequest, RecordSnapshot, Unreadable, moment
from ..rollout.surrounding_findings import (
    backup_findings,
    certificate_findings,
    drift_findings,
    edge_findings,
    records_room_findings,
    registry_findings,
    store_findings,
    unit_findings,
)
from ..rollout.surroundings import Surroundings
from ..rollout.upgrades import upgrade_findings
from ..rollout.wanted import Wanted, wanted_findings
from ..startup.fast_dataclass import replace
from .around import Around
from .checks import checks_doc, look_at_room
from .reachability import unreachable
from .rollback_info import rollback_info
from .serving import ask_as_client, client_doc, verdict
from .status_text import status_text

# How long a container exit stays in the status. A second one within this time is a crash loop, although the container
# is up most of the time.
RECENTLY_S = 60
AGAIN = "systemd restarts it each time. If this continues"
SERVED, WITH_TROUBLES, NOT_SERVED = 0, 1, 2


def exit_code(doc: dict[str, Any]) -> int:
    if doc["serving"] is False:
        return NOT_SERVED
    return WITH_TROUBLES if doc["troubles"] else SERVED


def status(host: Host, holder: str | None, around: Around | None = None, inventory_version: str = "") -> dict[str, Any]:
    """
    `holder`: who changes something now. `inventory_version`: empty: as the last deploy recorded it. `serving`: whether
    clients are served; None when that is unknown. `healthy`: the live slot; None when nothing is live. No `troubles`
    when all is well.
    """
    around = around or Around()
    service, name = host.config.service, host.config.host
    recover = releasectl(service, "recover")
    records = host.records.read()
    findings: list[Finding] = []
    state = records.state if isinstance(records.state, State) else State()
    release = _live_release(host, state)
    standby = state.standby.ref.version if state.standby else None
    asked = around.begin(lambda: ask_as_client(host, release, standby, judged=holder is None))
    store = _model_store(host, release)
    looked = around.begin(lambda: around.read(release.ref.image if release else None, store))
    if isinstance(records.state, Unreadable):
        findings.append(Finding(ROUTE, f"state.json cannot be read ({records.state.why})", recover))
    if records.journal is not None and holder is None:
        findings.append(
            Finding("host", f"interrupted work: {_interrupted(records)}; it is finished or undone within a minute")
        )
    routed = _routed(host, state, findings, holder)
    docker = list(network_findings(_network(host)))
    own: list[Finding] = []
    healthy = _healthy(host, state, release, docker, own)
    restarted = _restarted(host, state, healthy, own)
    seen = looked()
    room = look_at_room(host)
    findings += [*_around(host, seen), *docker, *own, *room.findings]
    client = asked()
    serving, cause, named = verdict(host.config, client, state, findings)
    if serving and client.problem:
        findings.append(Finding(RELEASE, client.problem))
    if client.edge_away and named:
        # HAProxy's silence on its socket has the same cause.
        findings = [it for it in findings if it.about != ROUTE or it is named]
    troubles = [it.describe(name) for it in findings]
    wanted = Wanted(inventory_version) if inventory_version else seen.wanted
    # No troubles: clients are served, and nothing is broken.
    noticed = list(upgrade_findings(seen, name))
    if holder is None:
        live = state.live.ref.version if state.live else None
        noticed += wanted_findings(wanted, live, host.process.now(), name, service)
    notices = [it.describe(name) for it in noticed]
    doc = {
        "service": service,
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
        "checks": checks_doc(service, seen, findings, room.docker_answers, routed is not None),
        "problems": [{"about": it.about, "cause": it.cause, "fix": it.fix or None} for it in findings],
        "troubles": troubles,
        "notices": notices,
        "wanted": wanted.version if wanted else None,
        "restart_needed": list(seen.replaced),
        "reboot_needed": seen.reboot or None,
    }
    others = [it.describe(name) for it in findings if it is not named and not (serving and it.cause == client.problem)]
    return {**doc, "text": status_text(doc, state, host.process.now(), others)}


def _around(host: Host, seen: Surroundings) -> tuple[Finding, ...]:
    name = host.config.host
    return (
        *unit_findings(seen, host.config.service),
        *edge_findings(seen, name),
        *certificate_findings(seen.certificates, host.process.now(), name),
        *registry_findings(seen),
        *store_findings(seen),
        *drift_findings(seen.changed, host.process.now(), name),
        *backup_findings(seen.backup, host.process.now()),
        *records_room_findings(seen.records_room),
    )


def _network(host: Host) -> Network:
    """Read again if something is missing: a container that ended between the two queries takes its rules with it."""
    network = host.packet_filter.read(host.units.states().ports(host.config))
    return network if network.whole else host.packet_filter.read(host.units.states().ports(host.config))


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
        cause = f"HAProxy routes to {routed}, but state.json has {state.routed}"
        findings.append(Finding(ROUTE, cause, releasectl(host.config.service, "recover")))
    return routed


def _live_release(host: Host, state: State) -> Release | None:
    if state.live is None:
        return None
    release = host.records.releases().get(state.live.ref.id)
    return release if isinstance(release, Release) else None


def _model_store(host: Host, release: Release | None) -> ModelStore | None:
    """None also if only root can read the variables of the release."""
    if release is None or "MODEL_STORE" not in release.env_keys:
        return None
    try:
        return model_store(host.records.settings(release.ref.id).env, dict(release.options.hosts))
    except (OSError, ValueError, Failure):
        return None


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
    live = state.live
    # What ended before was another release, in the same slot.
    if not 0 <= seconds < RECENTLY_S or exited_at < live.since:
        return None
    own_exits = [it for it in host.units.read_exits() if it.slot == live.slot and it.release.id == live.ref.id]
    exits = [it for it in own_exits if exited_at - it.at < RECENTLY_S]
    if len(exits) > 1 or not healthy:
        roll_back = releasectl(host.config.service, "rollback")
        crash = f"the container of {live.ref} {cause} {age(seconds)} ago; {AGAIN}: {roll_back}"
        own.insert(0, Finding(RELEASE, crash))
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
