"""The event log: one JSON line per start, end and failure. Best effort: a failed event write fails no rollout."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..documents.timestamps import rfc3339
from . import files

POLL_S = 0.2


class Events:
    def __init__(self, path: str, service: str) -> None:
        self.path = path
        self.service = service

    def emit(self, event: Mapping[str, Any]) -> None:
        doc = {"at": rfc3339(time.time()), "service": self.service, **event}
        try:
            files.append_line(self.path, json.dumps(doc, ensure_ascii=False), 0o640, sync=False)
        except OSError:
            # A full disk or a missing directory; history and the journal are what is kept.
            return

    def read(self, follow: bool, count: int, pause: Callable[[float], None]) -> Iterator[dict[str, Any]]:
        """The last `count` events of the service; with `follow` also those to come, through rotations of the file."""
        tail: list[dict[str, Any]] = []
        position = 0
        for after, doc in self._from(0):
            position, tail = after, [*tail, doc][-count:] if count else []
        yield from tail
        while follow:
            pause(POLL_S)
            size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
            if size < position:
                position = 0
            for after, doc in self._from(position):
                position = after
                yield doc

    def _from(self, position: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Whole lines after `position`: (where the next one begins, event)."""
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            file.seek(position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                position += len(line)
                try:
                    doc = json.loads(line)
                except ValueError:
                    continue
                if isinstance(doc, dict) and doc.get("service") == self.service:
                    yield position, doc
