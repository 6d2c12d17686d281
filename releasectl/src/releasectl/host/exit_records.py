"""The exits of live containers, a file for each slot: its run-slot alone writes it, the engine reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ..model.errors import Failure
from ..rollout.failover import Exit, exit_doc, read_exit
from . import files
from .paths import Paths

KEPT = 20


def read(paths: Paths, service: str, slot: str) -> tuple[Exit, ...]:
    """The oldest first. What cannot be read does not count: no release is rolled back for it."""
    try:
        text = files.read_text(paths.exits(service, slot))
        return tuple(read_exit(it) for it in json.loads(text)) if text else ()
    except (OSError, ValueError, TypeError, Failure):
        return ()


def write(paths: Paths, service: str, slot: str, exits: Sequence[Exit]) -> None:
    """Raises OSError."""
    path = paths.exits(service, slot)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    files.write_atomic(path, json.dumps([exit_doc(it) for it in exits[-KEPT:]], indent=1) + "\n", 0o644)
