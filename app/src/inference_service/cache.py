"""Answers for identical inputs: bounded, least recently used out first. Off unless CACHE_ENTRIES says a number.

A service serves one model for its whole life, and the cache lives in the service: an entry can never outlive its model.
The key still begins with the model's version, so that a shared key space stays right by construction.
"""

from __future__ import annotations

from .batcher import Caller
from .model import Outcome


class Cache:
    def __init__(self, entries: int, model_version: str) -> None:
        self._entries = entries
        self._prefix = model_version.encode() + b"\0"
        self._outcomes: dict[bytes, Outcome] = {}
        self.hits = 0
        self.misses = 0

    def get(self, buffer: bytes) -> Outcome | None:
        key = self._prefix + buffer
        outcome = self._outcomes.pop(key, None)
        if outcome is None:
            self.misses += 1
            return None
        # Back at the end: dictionaries keep the order of insertion.
        self._outcomes[key] = outcome
        self.hits += 1
        return outcome

    def put(self, buffer: bytes, outcome: Outcome) -> None:
        if len(self._outcomes) >= self._entries:
            del self._outcomes[next(iter(self._outcomes))]
        self._outcomes[self._prefix + buffer] = outcome

    def __len__(self) -> int:
        return len(self._outcomes)


class Keeping:
    """A caller whose answer is kept for whoever asks the same next."""

    def __init__(self, cache: Cache, buffer: bytes, caller: Caller) -> None:
        self._cache = cache
        self._buffer = buffer
        self._caller = caller

    @property
    def ended(self) -> bool:
        return self._caller.ended

    def answer(self, outcome: Outcome) -> None:
        self._cache.put(self._buffer, outcome)
        self._caller.answer(outcome)

    def fail(self, error: Exception) -> None:
        self._caller.fail(error)
