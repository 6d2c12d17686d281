"""Values ⇄ JSON documents of the files in /var/lib/slipway and of the result. Decoding raises Failure or ValueError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.journal import Entry, Intent, Mark
from ..model.model import Canary, Live, Maintenance, Ref, Release, Standby, State
from ..startup.fast_dataclass import asdict
from .fields import Fields
from .release_fields import gates_doc, options_doc, read_gates, read_options, read_secret_versions, secret_versions_doc
from .timestamps import parse, rfc3339

SCHEMA = 1


def ref_doc(ref: Ref | None) -> dict[str, Any] | None:
    if ref is None:
        return None
    digest = ref.image.partition("@")[2]
    return {
        "id": ref.id,
        "version": ref.version,
        "image": ref.image,
        "digest": digest,
        "model_version": ref.model_version,
    }


def read_ref(doc: Any, where: str) -> Ref:
    fields = Fields(doc, where)
    return Ref(
        fields.whole("id", low=1), fields.text("version"), fields.text("image"), fields.maybe_text("model_version")
    )


def _ref_of(fields: Fields, key: str) -> Ref:
    return read_ref(fields.doc.get(key), f"{fields.where}.{key}")


def _maybe_ref(fields: Fields, key: str) -> Ref | None:
    return _ref_of(fields, key) if fields.has(key) else None


def state_doc(state: State) -> dict[str, Any]:
    live, standby = state.live, state.standby
    doc: dict[str, Any] = {
        "schema": SCHEMA,
        "live": live
        and {"release": ref_doc(live.ref), "slot": live.slot, "since": rfc3339(live.since), "via": live.via},
        "standby": standby
        and {
            "release": ref_doc(standby.ref),
            "slot": standby.slot,
            "since": rfc3339(standby.since),
            "until": rfc3339(standby.until),
            **({} if standby.ends is None else {"until_monotonic_s": standby.ends}),
        },
        "previous": ref_doc(state.previous),
    }
    if it := state.maintenance:
        doc["maintenance"] = {"since": rfc3339(it.since), "by": it.by, "reason": it.reason}
        if it.boot:
            doc["maintenance"]["boot"] = it.boot
    return doc


def read_state(doc: Any) -> State:
    fields = Fields(doc, "state")
    if fields.whole("schema") != SCHEMA:
        raise fields.bad("schema", f"this releasectl reads {SCHEMA}")
    live = standby = None
    if fields.has("live"):
        it = fields.child("live")
        live = Live(_ref_of(it, "release"), it.text("slot"), parse(it.text("since")), it.text("via"))
    if fields.has("standby"):
        it = fields.child("standby")
        since, until = parse(it.text("since")), parse(it.text("until"))
        ends = it.number("until_monotonic_s") if it.has("until_monotonic_s") else None
        standby = Standby(_ref_of(it, "release"), it.text("slot"), since, until, ends)
    maintenance = None
    if fields.has("maintenance"):
        it = fields.child("maintenance")
        maintenance = Maintenance(parse(it.text("since")), it.text("by"), it.text("reason", ""), it.text("boot", ""))
    return State(live, standby, _maybe_ref(fields, "previous"), maintenance)


def release_doc(release: Release) -> dict[str, Any]:
    versions = secret_versions_doc(release.secret_versions)
    return {
        "schema": SCHEMA,
        "release": ref_doc(release.ref),
        "options": options_doc(release.options),
        "gates": gates_doc(release.gates),
        "env_keys": list(release.env_keys),
        "secret_keys": list(release.secret_keys),
        **({"secret_versions": versions} if versions else {}),
        "by": release.by,
        "reason": release.reason,
        "created": rfc3339(release.created),
    }


def read_release(doc: Any, where: str) -> Release:
    fields = Fields(doc, where)
    return Release(
        ref=_ref_of(fields, "release"),
        options=read_options(fields.child("options")),
        gates=read_gates(fields.child("gates")),
        env_keys=fields.texts("env_keys"),
        secret_keys=fields.texts("secret_keys"),
        by=fields.text("by"),
        reason=fields.text("reason"),
        created=parse(fields.text("created")),
        secret_versions=read_secret_versions(fields),
    )


def intent_doc(intent: Intent) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "txn": intent.txn,
        "kind": intent.kind,
        "target": ref_doc(intent.target),
        "slot": intent.slot,
        "fresh": intent.fresh,
        "adopt": intent.adopt,
        "before": state_doc(intent.before),
        "by": intent.by,
        "reason": intent.reason,
        "started": rfc3339(intent.started),
        "canary": canary_doc(intent.canary) if intent.canary else None,
        "stop_first": intent.stop_first,
        "old_ready_path": intent.old_ready_path,
    }


def read_intent(doc: Any) -> Intent:
    fields = Fields(doc, "journal")
    if fields.whole("schema") != SCHEMA:
        raise fields.bad("schema", f"this releasectl reads {SCHEMA}")
    return Intent(
        txn=fields.text("txn"),
        kind=fields.text("kind"),
        target=_ref_of(fields, "target"),
        slot=fields.text("slot"),
        fresh=fields.doc.get("fresh") is True,
        adopt=fields.doc.get("adopt") is True,
        before=read_state(fields.doc.get("before")),
        by=fields.text("by"),
        reason=fields.text("reason"),
        started=parse(fields.text("started")),
        canary=read_canary(fields.child("canary")) if fields.has("canary") else None,
        stop_first=fields.doc.get("stop_first") is True,
        old_ready_path=fields.text("old_ready_path", "/ready"),
    )


def canary_doc(canary: Canary) -> dict[str, Any]:
    return {**asdict(canary), "steps": list(canary.steps)}


def read_canary(fields: Fields) -> Canary:
    base = Canary(())
    fields.only(*asdict(base))
    steps = fields.items("steps")
    good = all(type(step) is int and 1 <= step <= 100 for step in steps) and steps == sorted(set(steps))
    if not steps or not good:
        raise fields.bad("steps", "expected whole percentages from 1 to 100 that rise, such as [5, 25, 50]")
    return Canary(
        steps=tuple(steps),
        step_s=fields.number("step_s", base.step_s),
        min_requests=fields.whole("min_requests", base.min_requests),
        max_error_ratio=fields.number("max_error_ratio", base.max_error_ratio),
        max_latency_ratio=fields.number("max_latency_ratio", base.max_latency_ratio, low=1),
        wait_s=fields.number("wait_s", base.wait_s),
        on_silence=fields.text("on_silence", base.on_silence, "abort|promote", "abort or promote"),
        on_interrupt=fields.text("on_interrupt", base.on_interrupt, "abort|resume", "abort or resume"),
        hold=fields.flag("hold"),
    )


def mark_doc(mark: Mark) -> dict[str, Any]:
    doc = {"at": rfc3339(mark.at), "phase": mark.phase, "effect": mark.effect, "mark": mark.mark}
    if mark.mark == "undo":
        doc.update(cause=mark.cause or "", code=str(mark.code))
    elif mark.cause is not None:
        doc["cause"] = mark.cause
    return doc


def read_mark(doc: Any) -> Mark:
    fields = Fields(doc, "journal")
    return Mark(
        at=parse(fields.text("at")),
        phase=fields.text("phase"),
        effect=fields.text("effect"),
        mark=fields.text("mark"),
        cause=fields.maybe_text("cause"),
        code=int(fields.text("code", "0")),
    )


def entry_doc(entry: Entry) -> dict[str, Any]:
    return {
        "txn": entry.txn,
        "kind": entry.kind,
        "outcome": entry.outcome,
        "release": ref_doc(entry.release),
        "slot": entry.slot,
        "previous": ref_doc(entry.previous),
        "by": entry.by,
        "reason": entry.reason,
        "started": rfc3339(entry.started),
        "ended": rfc3339(entry.ended),
        "phases": phases_doc(entry.phases),
        "cause": entry.cause,
        "recovered": entry.recovered,
        "logs": list(entry.logs),
    }


def read_entry(doc: Any) -> Entry:
    fields = Fields(doc, "history")
    phases: list[tuple[str, float]] = []
    for item in fields.items("phases"):
        phase = Fields(item, "history.phases")
        phases.append((phase.text("name"), phase.number("seconds")))
    return Entry(
        txn=fields.text("txn"),
        kind=fields.text("kind"),
        outcome=fields.text("outcome"),
        release=_ref_of(fields, "release"),
        slot=fields.text("slot"),
        previous=_maybe_ref(fields, "previous"),
        by=fields.text("by"),
        reason=fields.text("reason"),
        started=parse(fields.text("started")),
        ended=parse(fields.text("ended")),
        phases=tuple(phases),
        cause=fields.maybe_text("cause"),
        recovered=fields.doc.get("recovered") is True,
        logs=fields.texts("logs", ()),
    )


def phases_doc(phases: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    return [{"name": name, "seconds": round(seconds, 3)} for name, seconds in phases]


def settings_keys(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(settings))
