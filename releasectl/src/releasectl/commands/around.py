"""What the status and the repairs need beside the devices of a rollout. A rollout never waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ..rollout.model_store import ModelStore
from ..rollout.surroundings import Certificates, Surroundings, Unit

T = TypeVar("T")


class Around:
    """Of a host about which nothing is known."""

    def read(self, image: str | None, store: ModelStore | None) -> Surroundings:
        """Of the live release: `image`, for its registry, and `store`, where it fetches its model from."""
        return Surroundings()

    def units(self, names: Sequence[str]) -> Mapping[str, Unit]:
        return {}

    def certificates(self) -> Certificates | None:
        return None

    def run(self, argv: Sequence[str]) -> None:
        """Raises Failure (code 8) when the command fails."""

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """Runs `work` beside the rest; the returned function waits for its answer."""
        answer = work()
        return lambda: answer
