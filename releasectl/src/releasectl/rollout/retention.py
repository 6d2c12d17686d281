"""Pure: which releases and images may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..model.journal import Entry
from ..model.model import State
from ..startup.fast_dataclass import dataclass


@dataclass(frozen=True)
class Prune:
    releases: tuple[int, ...]
    images: tuple[str, ...]
    unknown: tuple[str, ...]
    """Images that no release was ever made of: prefetched, or not ours."""


def to_prune(
    releases: dict[int, str],
    history: Iterable[Entry],
    state: State,
    retain: int,
    local: frozenset[str],
    sizes: Mapping[str, int] | None = None,
    retain_bytes: int = 0,
) -> Prune:
    """
    `releases`: recorded id → image; `local`: images on this host. Kept: the `retain` releases that were live last, and
    whatever is live, standby or previous. Of the former the oldest go as long as their images (`sizes`) together are
    more than `retain_bytes` (0: no such limit). An image goes when a release was made of it and no kept one needs it.
    """
    last_live: dict[int, int] = {}
    ours = set(releases.values())
    for order, entry in enumerate(history):
        ours.add(entry.release.image)
        if entry.outcome == "live":
            last_live[entry.release.id] = order
    ranked = sorted(releases, key=lambda number: (last_live.get(number, -1), number), reverse=True)
    named = [it for it in (state.live and state.live.ref, state.standby and state.standby.ref, state.previous) if it]
    always = {ref.id for ref in named}
    kept = set(ranked[:retain]) | always
    if retain_bytes:
        for number in reversed(ranked[:retain]):
            used = sum((sizes or {}).get(image, 0) for image in {releases[it] for it in kept if it in releases})
            if used > retain_bytes and number not in always:
                kept.discard(number)
    needed = {releases[number] for number in kept if number in releases}
    # Also where the record of it is lost.
    needed |= {ref.image for ref in named}
    return Prune(
        tuple(sorted(number for number in releases if number not in kept)),
        tuple(sorted(image for image in ours & local if image not in needed)),
        tuple(sorted(local - ours - needed)),
    )
