"""The history, and what a release changes against another one, as JSON documents and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..documents.codec import entry_doc, read_entry, ref_doc
from ..model.errors import Code, Failure
from ..model.journal import Entry
from ..model.model import Release, Settings, State
from ..rollout.difference import Difference, brief, difference
from ..rollout.plan import rollback_target
from ..rollout.ports import Host, Unreadable

INDENT = " " * 22


def history(host: Host, count: int) -> dict[str, Any]:
    """The newest `count` ended transactions, the newest first. `diff` None: one of the releases is not recorded."""
    found = host.records.history()
    recorded = host.records.releases()
    newest = list(reversed(found.entries))[:count]
    releases = [{**entry_doc(entry), "diff": _changes(host, entry, recorded)} for entry in newest]
    doc = {"service": host.config.service, "code": Code.OK, "releases": releases, "unreadable": found.unreadable}
    return {**doc, "text": _history_text(doc)}


def diff(host: Host, old: str, new: str) -> dict[str, Any]:
    """Of two recorded releases, by version or id. Raises Failure (code 7) for one that is not recorded."""
    records = host.records.read()
    state = records.state if isinstance(records.state, State) else State()
    recorded = {number: it for number, it in host.records.releases().items() if isinstance(it, Release)}
    before, after = (rollback_target(name, recorded, state) for name in (old, new))
    found = difference(before, after, _settings(host, before), _settings(host, after))
    lines = [f"{before.ref} → {after.ref}", *(f"  {name:9} {' '.join(changes)}" for name, changes in found.items())]
    text = "\n".join(lines if found else [*lines, "  nothing differs"]) + "\n"
    return {
        "service": host.config.service,
        "code": Code.OK,
        "from": ref_doc(before.ref),
        "to": ref_doc(after.ref),
        "diff": found,
        "text": text,
    }


def _changes(host: Host, entry: Entry, recorded: Mapping[int, Release | Unreadable]) -> Difference | None:
    old = recorded.get(entry.previous.id) if entry.previous else None
    new = recorded.get(entry.release.id)
    if entry.outcome != "live" or not isinstance(old, Release) or not isinstance(new, Release):
        return None
    return difference(old, new, _settings(host, old), _settings(host, new))


def _settings(host: Host, release: Release) -> Settings | None:
    """None: only root can read them."""
    try:
        return host.records.settings(release.ref.id)
    except (OSError, ValueError, Failure):
        return None


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
    if item["diff"]:
        line += f"\n{INDENT}changed {brief(item['diff'])}"
    return line + (f"\n{INDENT}{entry.cause}" if entry.cause else "")
