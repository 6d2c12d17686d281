"""Removes the releases and images that nobody keeps."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Failure
from ..model.model import Release, State
from ..rollout.ports import Edge
from ..rollout.retention import to_prune
from .result import Result

# An image that was prefetched waits so long for its deploy.
PREFETCHED_S = 7 * 24 * 3600.0


def prune(edge: Edge, releases: Mapping[int, Release], state: State, dry_run: bool, result: Result) -> list[str]:
    """What went (or would go), in words. An image that cannot be removed is a warning."""
    config = edge.config
    images = {number: it.ref.image for number, it in releases.items()}
    sizes = edge.image_sizes() if config.retain_mb else {}
    todo = to_prune(
        images, edge.read_history().entries, state, config.retain, edge.images(), sizes, config.retain_mb * 2**20
    )
    gone: list[str] = []
    for number in todo.releases:
        if not dry_run:
            edge.remove_release(number)
        gone.append(f"release {number}")
    for image in (*todo.images, *forgotten(edge, todo.unknown)):
        try:
            if not dry_run:
                edge.remove_image(image)
            gone.append(image)
        except Failure as failure:
            result.warnings.append(f"prune: {failure.cause}")
            edge.emit({"phase": "prune", "event": "failed", "cause": failure.cause})
    if gone and not dry_run:
        edge.emit({"phase": "prune", "event": "done", "removed": gone})
    return gone


def forgotten(edge: Edge, images: tuple[str, ...]) -> list[str]:
    """Those that were prefetched and never deployed."""
    now = edge.now()
    return [image for image in images if (at := edge.brought(image)) is not None and now - at > PREFETCHED_S]
