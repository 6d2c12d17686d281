"""The request of `record-converge`, as the playbook writes it. Decoding raises Failure (code 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..startup.fast_dataclass import dataclass
from .fields import Fields

# SHA-256, mode, owner and group, as slipway.ops.drift_info describes a file.
FILE, FILE_WANTED = r"[0-9a-f]{64} [0-7]{4} \S+ \S+", "SHA-256, mode, owner and group"

Drift = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Converge:
    by: str
    reason: str
    roles: Drift | None
    """Role → what was brought into the desired state; None: all roles ran, without a check for drift before."""
    files: Mapping[str, str]
    """Path → SHA-256, mode, owner and group of the desired state."""
    left: tuple[str, ...]
    """Names of what is not in the desired state after the converge."""


def read_converge(doc: Any) -> Converge:
    fields = Fields(doc, "request")
    fields.only("by", "reason", "drift", "left", "files")
    files, left = fields.child("files"), _drift(fields.child("left"))
    roles = None
    if fields.has("drift"):
        before = _drift(fields.child("drift"))
        repaired = {role: tuple(it for it in names if it not in left.get(role, ())) for role, names in before.items()}
        roles = {role: names for role, names in repaired.items() if names}
    return Converge(
        by=fields.text("by"),
        reason=fields.text("reason", ""),
        roles=roles,
        files={path: files.text(path, pattern=FILE, wanted=FILE_WANTED) for path in files.doc},
        left=tuple(name for names in left.values() for name in names),
    )


def _drift(roles: Fields) -> Drift:
    """Role → names of packages, files, units and commands, from what slipway.ops.drift_info returns."""
    return {role: _names(roles.child(role)) for role in roles.doc}


def _names(kinds: Fields) -> tuple[str, ...]:
    return tuple(name for kind in kinds.doc for name in kinds.texts(kind))
