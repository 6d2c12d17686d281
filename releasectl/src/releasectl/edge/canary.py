"""A running canary and the people beside it: two small files on a tmpfs, one for each direction."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ..core.errors import Code, Failure
from ..core.ports import Word
from . import files

TAKEN_S = 10.0
POLL_S = 0.05


class CanaryFiles:
    def __init__(self, run_dir: str, service: str) -> None:
        self.shown = os.path.join(run_dir, f"{service}.canary.json")
        self.word = os.path.join(run_dir, f"{service}.canary.word")

    def clear(self) -> None:
        """What an engine that was killed left behind. Only under the lock."""
        for path in (self.shown, self.word):
            files.remove_file(path)

    # The engine's side.

    def show(self, doc: Mapping[str, Any] | None) -> None:
        if doc is None:
            self.clear()
        else:
            files.write_atomic(self.shown, json.dumps(doc), 0o644)

    def take(self, txn: str) -> Word | None:
        text = files.read_text(self.word)
        if text is None:
            return None
        files.remove_file(self.word)
        try:
            doc = json.loads(text)
            return Word(str(doc["word"]), str(doc["by"])) if doc["txn"] == txn else None
        except (ValueError, KeyError, TypeError):
            return None

    # The people's side.

    def read(self) -> dict[str, Any] | None:
        try:
            doc = json.loads(files.read_text(self.shown) or "null")
        except (ValueError, OSError):
            return None
        return doc if isinstance(doc, dict) else None

    def say(self, word: str, by: str) -> dict[str, Any]:
        """Tell the engine, and see that it has heard. Returns what it showed last. Raises Failure."""
        shown = self.read()
        if shown is None:
            raise Failure(Code.USAGE, "no canary is running", "`releasectl status` says what is live.")
        files.write_atomic(self.word, json.dumps({"txn": shown["txn"], "word": word, "by": by}), 0o600)
        end = time.monotonic() + TAKEN_S
        while os.path.exists(self.word):
            if time.monotonic() >= end:
                files.remove_file(self.word)
                raise Failure(
                    Code.PREFLIGHT,
                    f"the engine did not hear {word!r} within {TAKEN_S:g} s",
                    "See `releasectl status`; an engine that was killed is recovered within a minute.",
                )
            time.sleep(POLL_S)
        return shown
