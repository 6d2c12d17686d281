"""What may be removed, and what never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from releasectl.model.model import State
from releasectl.rollout.retention import to_prune

from .releases import entry, images, state


def test_the_releases_that_were_live_last_are_kept() -> None:
    found = to_prune(
        images(1, 2, 3, 4), map(entry, (1, 2, 3, 1, 4)), state(4), 2, frozenset(images(1, 2, 3, 4).values())
    )
    assert (found.releases, found.images) == ((2, 3), ("image-2", "image-3"))


def test_live_standby_and_previous_are_kept_whatever_their_age() -> None:
    found = to_prune(images(1, 2, 3, 4), map(entry, (1, 2, 3, 4)), state(1, standby=2, previous=3), 1, frozenset())
    assert found.releases == ()


def test_the_image_of_a_failed_deploy_goes_and_that_of_others_stays() -> None:
    history = [entry(1), entry(2, "failed")]
    found = to_prune(images(1), history, state(1), 5, frozenset({"image-1", "image-2", "registry/postgres@sha256:1"}))
    assert (found.releases, found.images) == ((), ("image-2",))


def test_an_image_that_a_kept_release_shares_stays() -> None:
    shared = {1: "same", 2: "same"}
    found = to_prune(shared, [], State(), 1, frozenset({"same"}))
    assert (found.releases, found.images) == ((1,), ())


def test_what_the_state_names_is_known_without_any_record() -> None:
    local = frozenset(images(1, 2, 3, 4).values())
    assert to_prune({}, [], state(1, standby=2, previous=3), 5, local).unknown == ("image-4",)


NUMBERS = st.integers(1, 9)


@given(st.sets(NUMBERS), st.lists(NUMBERS), NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS, st.integers(1, 5))
def test_what_is_needed_never_goes(
    recorded: set[int], lived: list[int], live: int, standby: int | None, previous: int | None, retain: int
) -> None:
    releases, now = images(*recorded), state(live, standby, previous)
    local = frozenset(images(*range(1, 12)).values())
    found = to_prune(releases, map(entry, lived), now, retain, local)
    kept = recorded - set(found.releases)
    assert recorded & {live, standby, previous} <= kept
    assert len(kept) >= min(retain, len(recorded))
    assert not set(found.images) & {f"image-{number}" for number in kept | {live, standby or live}}
    assert set(found.images) <= {f"image-{number}" for number in recorded | set(lived)}
