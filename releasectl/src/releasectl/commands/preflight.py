"""Preflight: is there on this host what a rollout needs, room included? Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Code, Failure
from ..model.journal import Intent
from ..model.model import Release
from ..model.rollout_options import RegistryAuth
from ..rollout.capacity import GPU, RAM, Kind, Share, check_capacity, near_limit, size_mb
from ..rollout.finding import releasectl
from ..rollout.gates import is_ready
from ..rollout.ports import Host
from ..startup.fast_dataclass import replace
from .result import Result

PLATFORMS_S = 5.0
"""How long the registry may take to name the platforms of an image; the pull has its own deadline."""


def check_requirements(host: Host, intent: Intent, auth: RegistryAuth | None = None) -> bool:
    """Is everything there that the transaction needs? Returns whether the image is. Raises Failure (codes 5 and 8)."""
    host.routing.get_map()
    if intent.adopt:
        # The container runs: neither Docker nor the image file is needed to switch to it.
        return True
    free_mb = host.containers.free_mb()
    has_image = host.containers.has_image(intent.target.image)
    check_free_space(host, free_mb)
    if intent.kind == "rollback" and not has_image:
        raise Failure(
            Code.IMAGE,
            f"the image of {intent.target} is missing from this host ({intent.target.image})",
            "Roll back to another release (`releasectl history`), or deploy this version again from the registry.",
        )
    if not has_image:
        check_platforms(host, intent.target.image, auth)
    return has_image


def check_platforms(host: Host, image: str, auth: RegistryAuth | None) -> None:
    """Raises Failure (code 5) when the registry has the image, but for other platforms than the host's."""
    host.containers.check_platforms(image, auth, min(PLATFORMS_S, host.config.deadlines.pull))


def keep_answering_standby(host: Host, intent: Intent, releases: Mapping[int, Release]) -> None:
    """The live slot is down: a standby that answers for it makes no room. Raises Failure (code 8)."""
    live, standby = intent.before.live, intent.before.standby
    release = releases.get(standby.ref.id) if standby else None
    if not live or not standby or not release:
        return
    if is_ready(host, standby.slot, release.gates):
        change = "Rolling back to" if intent.kind == "rollback" else "Deploying"
        rollback = releasectl(host.config.service, "rollback")
        raise Failure(
            Code.PREFLIGHT,
            f"{live.ref} is down and the standby {standby.ref} serves. {change} {intent.target} would stop the standby",
            f"Roll back first ({rollback} makes {standby.ref} live), then run the command again.",
        )


def check_free_space(host: Host, free_mb: int) -> None:
    """Raises Failure (code 8) when less is free on Docker's disk than has to be."""
    required = host.config.min_free_mb
    if free_mb < required:
        raise Failure(
            Code.PREFLIGHT,
            f"{free_mb} MB free on Docker's disk, at least {required} MB are required",
            "Free space (`releasectl prune`, `docker system df`), or lower min_free_mb in service.json.",
        )


def ensure_capacity(
    host: Host, intent: Intent, target: Release, releases: Mapping[int, Release], result: Result
) -> Intent:
    """
    The intent, if the host and its GPU have the memory for it. A rollback is not refused for want of it: there the old
    one stops first, as a person would have to ask for. Raises Failure (code 8).
    """
    if intent.adopt:
        return intent
    live, standby = intent.before.live, intent.before.standby
    beside = releases.get(live.ref.id) if live and not intent.stop_first else None
    freed = releases.get(standby.ref.id) if standby and intent.displaces else None
    warnings = []
    for kind, memory_of, reserve_mb in (
        (RAM, host.machine.memory, host.config.memory_reserve_mb),
        (GPU, host.machine.gpu_memory, 0),
    ):
        candidate = _share(kind, target)
        if candidate is None:
            continue
        memory = memory_of()
        failure = check_capacity(kind, memory, reserve_mb, candidate, _share(kind, beside))
        if failure and beside and intent.kind == "rollback":
            result.warnings.append(f"{failure.cause}. The old release stops before the new one starts.")
            return ensure_capacity(host, replace(intent, stop_first=True, canary=None), target, releases, result)
        if failure:
            raise failure
        warnings.append(None if intent.stop_first else near_limit(kind, memory, candidate, _share(kind, freed)))
    result.warnings += [warning for warning in warnings if warning]
    return intent


def _share(kind: Kind, release: Release | None) -> Share | None:
    """None: there is no such release, or it says that it takes nothing."""
    size = kind.size(release.options) if release else None
    return Share(release.ref, size_mb(size)) if release and size else None
