"""The status of several hosts as one table, the worst first. Pure: what the hosts answered comes from the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What `releasectl status` ends with; a host that cannot be reached is as bad as one that does not serve.
SERVED, WITH_TROUBLES, NOT_SERVED = 0, 1, 2
HEAD = ("HOST", "CLIENTS", "VERSION", "WHAT IS WRONG")


def code_of(doc: Mapping[str, Any] | str) -> int:
    """`doc`: the document of `status --json`, or why there is none."""
    if isinstance(doc, str) or doc.get("serving") is False:
        return NOT_SERVED
    return WITH_TROUBLES if doc.get("troubles") else SERVED


def table(found: Mapping[str, Mapping[str, Any] | str]) -> list[str]:
    """Lines: a head, and a line for each host and for each further trouble of it."""
    rows: list[tuple[str, str, str, str]] = [HEAD]
    for name in sorted(found, key=lambda it: (-code_of(found[it]), it)):
        first, *more = _rows(name, found[name])
        rows += [first, *more]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    return ["  ".join([*(row[at].ljust(widths[at]) for at in range(3)), row[3]]).rstrip() for row in rows]


def _rows(name: str, doc: Mapping[str, Any] | str) -> list[tuple[str, str, str, str]]:
    if isinstance(doc, str):
        return [(name, "UNKNOWN", "", doc)]
    live = doc.get("live") or {}
    version = str((live.get("release") or {}).get("version", "none"))
    cause = str(doc.get("serving_cause") or "")
    # An engine of an earlier version does not tell whether clients are served.
    clients = {True: "served", False: "NOT SERVED"}.get(doc.get("serving"), "unknown")  # type: ignore[arg-type]
    wrong = [cause] if cause and doc.get("serving") is not True else []
    wrong += [it for it in map(str, doc.get("troubles") or ()) if it != cause]
    wrong += [f"notice: {it}" for it in map(str, doc.get("notices") or ())]
    if changing := doc.get("changing"):
        wrong.append(f"running: {changing}")
    first, *more = wrong or [""]
    return [(name, clients, version, first), *(("", "", "", it) for it in more)]
