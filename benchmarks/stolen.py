"""What the hypervisor gives to others of this machine's time (steal, proc_stat(5)). It makes latencies of its own."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

STAT = Path("/proc/stat")
EVERY_S = 0.1
# Of the line's columns: all time without that of guests, which the kernel counts twice; and what was stolen.
COUNTED, STEAL = 8, 7


@dataclass
class Stolen:
    """`with Stolen() as stolen:` watches; then and afterwards `stolen.share(begin, end)` says how much was taken."""

    # (seconds since the epoch, ticks of all cores, of them stolen), in their order.
    seen: list[tuple[float, int, int]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.seen.append((time.time(), *ticks(STAT.read_text())))
            self._stop.wait(EVERY_S)

    def share(self, begin: float, end: float) -> float:
        """Of all cores' time between two moments (seconds since the epoch), as the readings around them say; 0 to 1."""
        if not self.seen:
            return 0.0
        first = self.seen[max(0, bisect_right(self.seen, begin, key=_at) - 1)]
        last = self.seen[min(len(self.seen) - 1, bisect_left(self.seen, end, key=_at))]
        return (last[2] - first[2]) / max(1, last[1] - first[1])


def columns(text: str) -> list[int]:
    """Ticks of all cores since the machine's start, by what they were used for: user, nice, system, idle, …, steal."""
    return [int(it) for it in text.split("\n", 1)[0].split()[1 : COUNTED + 1]]


def ticks(text: str) -> tuple[int, int]:
    """(of all cores, of them stolen) since the machine's start."""
    found = columns(text)
    return sum(found), found[STEAL]


def _at(seen: tuple[float, int, int]) -> float:
    return seen[0]
