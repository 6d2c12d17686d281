"""Preflight: both releases fit into the host's memory, or the old one has to stop first."""

from __future__ import annotations

from collections.abc import Mapping

from .core.fit import Share, misfit, size_mb, tight
from .core.model import Intent, Ref, Release
from .core.ports import Edge
from .core.values import replace
from .result import Result


def fitting(edge: Edge, intent: Intent, target: Release, releases: Mapping[int, Release], result: Result) -> Intent:
    """
    The intent, if the host has the memory for it. A rollback is not refused for want of it: there the old one stops
    first, as a person would have to ask for. Raises Failure (code 8).
    """
    if intent.adopt:
        return intent
    live, standby = intent.before.live, intent.before.standby
    candidate = _share(target)
    beside = _recorded(releases, live.ref) if live and not intent.stop_first else None
    freed = _recorded(releases, standby.ref) if standby and intent.displaces else None
    memory = edge.memory()
    trouble = misfit(memory, edge.config.memory_reserve_mb, candidate, beside)
    if trouble and beside and intent.kind == "rollback":
        result.warnings.append(f"{trouble.cause}: so the old one stopped first")
        return fitting(edge, replace(intent, stop_first=True, canary=None), target, releases, result)
    if trouble:
        raise trouble
    warning = None if intent.stop_first else tight(memory, candidate, freed)
    if warning:
        result.warnings.append(warning)
    return intent


def _recorded(releases: Mapping[int, Release], ref: Ref) -> Share | None:
    release = releases.get(ref.id)
    return _share(release) if release else None


def _share(release: Release) -> Share:
    return Share(release.ref, size_mb(release.options.memory))
