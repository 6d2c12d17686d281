"""Removes releases and images that are no longer retained."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Failure
from ..model.model import Release, State
from ..rollout.ports import Host
from ..rollout.retention import to_prune
from .result import Result

# An image that was prefetched waits so long for its deploy.
PREFETCHED_S = 7 * 24 * 3600.0


def prune(host: Host, releases: Mapping[int, Release], state: State, dry_run: bool, result: Result) -> list[str]:
    """What went (or would go), in words. An image that cannot be removed is a warning."""
    config = host.config
    images = {number: it.ref.image for number, it in releases.items()}
    sizes = host.containers.image_sizes() if config.retain_mb else {}
    todo = to_prune(
        images,
        host.records.history().entries,
        state,
        retain=config.retain,
        local=host.containers.images(),
        sizes=sizes,
        retain_bytes=config.retain_mb * 2**20,
    )
    gone: list[str] = []
    for number in todo.releases:
        if not dry_run:
            host.records.remove_release(number)
        gone.append(f"release {number}")
    for image in (*todo.images, *expired_prefetches(host, todo.unknown)):
        try:
            if not dry_run:
                host.containers.remove_image(image)
            gone.append(image)
        except Failure as failure:
            result.warnings.append(f"prune: {failure.cause}")
            host.events.emit({"phase": "prune", "event": "failed", "cause": failure.cause})
    if gone and not dry_run:
        host.events.emit({"phase": "prune", "event": "done", "removed": gone})
    return gone


def expired_prefetches(host: Host, images: tuple[str, ...]) -> list[str]:
    """Images that were prefetched more than a week ago and never deployed."""
    now = host.process.now()
    pulled = {image: host.containers.pulled_at(image) for image in images}
    return [image for image, at in pulled.items() if at is not None and now - at > PREFETCHED_S]
