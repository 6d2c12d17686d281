"""The history as a JSON document and as text."""

from __future__ import annotations

from typing import Any

from ..documents.codec import entry_doc, read_entry
from ..model.errors import Code
from ..rollout.ports import Host


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
