"""An upgrade of the host's packages, which a playbook has made, in the events and in the history of the service."""

from __future__ import annotations

from typing import Any

from ..documents.fields import Fields
from ..documents.request import one_line
from ..model.errors import Failure
from ..model.model import State
from ..rollout.ports import Host
from .engine import Lock
from .history_line import append_line
from .result import Result

KIND, OUTCOME = "upgrade", "done"
# A line of history names so many packages; apt's own log has them all.
NAMED, LOG = 10, "/var/log/apt/history.log"


def record_upgrade(host: Host, lock: Lock, txn: str, document: Any) -> Result:
    """`document`: see docs/releasectl.md. Its times are in seconds."""
    result = Result(host.config.service)
    try:
        fields = Fields(document, "upgrade")
        fields.only("by", "reason", "packages", "restarted", "rebooted", "not_served_s", "phases")
        by, reason = one_line(fields.text("by", "")), one_line(fields.text("reason", ""))
        phases = [Fields(it, "upgrade.phases") for it in fields.items("phases")]
        took = tuple((it.text("name"), it.number("seconds")) for it in phases)
        text = describe(fields)
        with lock():
            records = host.records.read()
            state = records.state if isinstance(records.state, State) else State()
            host.events.emit({"phase": KIND, "event": OUTCOME, "by": by, "reason": reason, "cause": text})
            append_line(host, state, txn, KIND, OUTCOME, by, reason, cause=text, phases=took)
    except Failure as failure:
        return result.fail(failure, "record the upgrade")
    result.outcome, result.changed, result.message = "recorded", True, text
    return result


def describe(fields: Fields) -> str:
    packages = [Fields(it, "upgrade.packages") for it in fields.items("packages")]
    changes = [
        f"{it.text('name')} {it.text('from', '') or 'new'} → {it.text('to', '') or 'removed'}" for it in packages
    ]
    more = [f"{len(changes) - NAMED} more ({LOG})"] if len(changes) > NAMED else []
    parts = [", ".join([*changes[:NAMED], *more]) or "no package"]
    if restarted := fields.texts("restarted", ()):
        parts.append(f"restarted {', '.join(restarted)}")
    if fields.flag("rebooted"):
        seconds = fields.number("not_served_s", 0)
        parts.append("rebooted" + (f", not served for at most {seconds:.1f} s" if seconds else ""))
    return one_line("; ".join(parts))
