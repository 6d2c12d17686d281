"""What a command answers."""

from __future__ import annotations

from typing import Any

from ..documents.codec import phases_doc, ref_doc
from ..model.errors import Code, Failure
from ..model.model import Ref
from ..rollout.run import Observations
from ..startup.fast_dataclass import asdict, dataclass, field


@dataclass()
class Result:
    """What a command answers; `document()` is the contract of `--json`."""

    service: str
    outcome: str = "failed"
    code: int = Code.OK
    changed: bool = False
    message: str = ""
    release: Ref | None = None
    previous: Ref | None = None
    phases: list[tuple[str, float]] = field(default_factory=list)
    cause: str | None = None
    hint: str | None = None
    logs: tuple[str, ...] = ()
    diff: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "code": self.code,
            "changed": self.changed,
            "service": self.service,
            "release": ref_doc(self.release),
            "previous": ref_doc(self.previous),
            "phases": phases_doc(tuple(self.phases)),
            "message": self.message,
            "cause": self.cause,
            "hint": self.hint,
            "logs": list(self.logs),
            "diff": self.diff or {"before": {}, "after": {}},
            "warnings": self.warnings,
            **self.extra,
        }

    def fail(self, failure: Failure, what: str) -> Result:
        refused = failure.code in (Code.USAGE, Code.LOCKED, Code.UNKNOWN, Code.PREFLIGHT)
        self.outcome = "refused" if refused else "failed"
        self.code, self.cause, self.hint, self.logs = failure.code, failure.cause, failure.hint, failure.logs
        self.message = f"Failed to {what}: {failure.cause}"
        return self


def observations_doc(observations: Observations) -> dict[str, Any]:
    """What HAProxy counted during the rollout: the result's `requests`, `drain` and `canary`."""
    doc: dict[str, Any] = {}
    if observations.switched:
        spans = observations.switched.values()
        doc["requests"] = {"total": sum(it.requests for it in spans), "failed": sum(it.errors for it in spans)}
    left = {slot: left and asdict(left) for slot, left in observations.drained.items() if left is None or left.total}
    if left or observations.dropped.total:
        doc["drain"] = {"left": left, "cut": asdict(observations.dropped)}
    if observations.canary_notes:
        doc["canary"] = list(observations.canary_notes)
    return doc
