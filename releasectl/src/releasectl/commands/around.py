"""What the status needs beside the devices of a rollout. A rollout never waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..rollout.surroundings import Surroundings

T = TypeVar("T")


class Around:
    """Of a host about which nothing is known."""

    def read(self, image: str | None) -> Surroundings:
        """`image`: the live one, for its registry."""
        return Surroundings()

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """Runs `work` beside the rest; the returned function waits for its answer."""
        answer = work()
        return lambda: answer
