"""Answers for identical inputs: bounded, least recently used out first. Off unless CACHE_ENTRIES says a number.

A service serves one model for its whole life, and the cache lives in the service: an entry can never outlive its model.
"""

from collections import OrderedDict

from .model import Outcome


class Cache:
    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._outcomes: OrderedDict[bytes, Outcome] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def get(self, buffer: bytes) -> Outcome | None:
        if buffer not in self._outcomes:
            self.misses += 1
            return None
        self.hits += 1
        self._outcomes.move_to_end(buffer)
        return self._outcomes[buffer]

    def put(self, buffer: bytes, outcome: Outcome) -> None:
        self._outcomes[buffer] = outcome
        if len(self._outcomes) > self._entries:
            self._outcomes.popitem(last=False)

    def __len__(self) -> int:
        return len(self._outcomes)
