"""Releases by number, for tests of what is retained."""

from __future__ import annotations

from releasectl.model.journal import Entry
from releasectl.model.model import Live, Ref, Standby, State


def ref(number: int) -> Ref:
    return Ref(number, f"v{number}.0.0", f"image-{number}")


def entry(number: int, outcome: str = "live") -> Entry:
    return Entry(f"t{number}", "deploy", outcome, ref(number), "blue", None, "a", "", 0.0, 1.0)


def state(live: int, standby: int | None = None, previous: int | None = None) -> State:
    return State(
        Live(ref(live), "blue", 0.0, "deploy"),
        Standby(ref(standby), "green", 0.0, 1.0) if standby else None,
        ref(previous) if previous else None,
    )


def images(*numbers: int) -> dict[int, str]:
    return {number: f"image-{number}" for number in numbers}
