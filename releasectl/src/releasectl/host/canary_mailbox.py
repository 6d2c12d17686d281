"""
A running canary and the people beside it: two small files on a tmpfs, one for each direction. A word that is gone was
heard: whoever said it takes it back if the canary ends first, so nobody believes to have said what nobody heard.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ..model.errors import Code, Failure
from ..rollout.ports import Word
from . import files

TAKEN_S = 10.0
POLL_S = 0.05


class CanaryFiles:
    def __init__(self, run_dir: str, service: str) -> None:
        self.shown = os.path.join(run_dir, f"{service}.canary.json")
        self.word = os.path.join(run_dir, f"{service}.canary.word")

    def clear(self) -> None:
        """What an engine that was killed left behind. Only under the lock."""
        files.remove_file(self.shown)

    # The engine's side.

    def show(self, doc: Mapping[str, Any] | None) -> None:
        if doc is None:
            self.clear()
        else:
            files.write_atomic(self.shown, json.dumps(doc), 0o644)

    def take(self, txn: str) -> Word | None:
        text = files.read_text(self.word)
        if text is None or not files.remove_file(self.word):
            return None
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
        mine = f"{self.word}.{os.getpid()}"
        files.write_atomic(mine, json.dumps({"txn": shown["txn"], "word": word, "by": by}), 0o600)
        try:
            self._hand_over(mine, shown["txn"], word)
        finally:
            files.remove_file(mine)
        return shown

    def _hand_over(self, mine: str, txn: str, word: str) -> None:
        """A second name for `mine`, which the engine removes when it has read it."""
        end, given = time.monotonic() + TAKEN_S, False
        while True:
            given = given or self._give(mine, txn)
            if given and os.stat(mine).st_nlink == 1:
                return
            shown = self.read()
            over = shown is None or shown["txn"] != txn
            if over or time.monotonic() >= end:
                if given and not files.remove_file(self.word):
                    # It was heard just now.
                    return
                raise _unheard(word, over)
            time.sleep(POLL_S)

    def _give(self, mine: str, txn: str) -> bool:
        """False: somebody else's word has not been heard yet. One to an earlier canary never will be."""
        try:
            os.link(mine, self.word)
            return True
        except FileExistsError:
            there = files.read_text(self.word)
            if there is not None and f'"txn": "{txn}"' not in there:
                files.remove_file(self.word)
            return False

    def not_running(self) -> Failure:
        """Why nobody would hear a word. An engine that was killed leaves what it showed, and the share as it is."""
        shown = self.read()
        if shown is None:
            return Failure(Code.USAGE, "no canary is running", "`releasectl status` says what is live.")
        return Failure(
            Code.USAGE,
            f"the engine of the canary of {shown['version']} is gone, which left it at {shown['percent']} %",
            "`releasectl recover` takes the share away, or goes on with it (on_interrupt: resume); it runs by itself "
            "within a minute.",
        )


def _unheard(word: str, over: bool) -> Failure:
    if over:
        return Failure(
            Code.USAGE,
            f"the canary was over before it heard {word!r}",
            "`releasectl status` says what is live. Interrupted work is recovered within a minute.",
        )
    return Failure(
        Code.PREFLIGHT,
        f"the engine did not hear {word!r} within {TAKEN_S:g} s",
        "See `releasectl status`; an engine that was killed is recovered within a minute.",
    )
