"""Answers for identical inputs: bounded, least recently used out first. Off unless CACHE_ENTRIES says a number.

A service serves one model for its whole life, and the cache lives in the service: an entry can never outlive its model.
The key still begins with the model's version, so that a shared key space stays right by construction.
"""

from .model import Outcome


class Cache:
    def __init__(self, entries: int, model_version: str) -> None:
        self._entries = entries
        self._prefix = model_version.encode() + b"\0"
        self._outcomes: dict[bytes, Outcome] = {}
        self.hits = 0
        self.misses = 0

    def get(self, buffer: bytes) -> Outcome | None:
        outcome = self._outcomes.pop(self._prefix + buffer, None)
        self.hits += outcome is not None
        self.misses += outcome is None
        if outcome is not None:
            # Back at the end: dictionaries keep the order of insertion.
            self._outcomes[self._prefix + buffer] = outcome
        return outcome

    def put(self, buffer: bytes, outcome: Outcome) -> None:
        if len(self._outcomes) >= self._entries:
            del self._outcomes[next(iter(self._outcomes))]
        self._outcomes[self._prefix + buffer] = outcome

    def __len__(self) -> int:
        return len(self._outcomes)
