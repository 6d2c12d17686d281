"""Answers for identical inputs: bounded, least recently used out first. Off unless CACHE_ENTRIES is set.

A service serves one model for its whole life, so an entry never outlives its model.
"""

from __future__ import annotations

import asyncio

from .model import Outcome


class Cache:
    def __init__(self, entries: int) -> None:
        self._entries = entries
        # The least recently used first: dictionaries keep the order of insertion.
        self._outcomes: dict[bytes, Outcome] = {}
        self.hits = 0
        self.misses = 0

    def get(self, buffer: bytes) -> Outcome | None:
        outcome = self._outcomes.pop(buffer, None)
        if outcome is None:
            self.misses += 1
            return None
        self._outcomes[buffer] = outcome
        self.hits += 1
        return outcome

    def keep(self, buffer: bytes, answered: asyncio.Future[Outcome]) -> None:
        """Keep the outcome for `buffer`, unless its prediction failed."""
        if answered.cancelled() or answered.exception() is not None:
            return
        if len(self._outcomes) >= self._entries:
            del self._outcomes[next(iter(self._outcomes))]
        self._outcomes[buffer] = answered.result()

    def __len__(self) -> int:
        return len(self._outcomes)
