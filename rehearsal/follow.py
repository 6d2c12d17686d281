"""A loop that follows the AWS API until it is stopped. What fails is kept in `trouble` and tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable

INTERVAL_S = 2.0


class Follower:
    """Subclasses are dataclasses with these fields, and say what one round does."""

    what: str
    say: Callable[[str], None]
    trouble: str
    interval_s: float
    stopping: threading.Event

    def once(self) -> None:
        raise NotImplementedError

    def loop(self) -> None:
        while not self.stopping.wait(self.interval_s):
            try:
                self.once()
                self.trouble = ""
            except Exception as error:
                if str(error) != self.trouble:
                    self.say(f"cannot follow the {self.what}: {error}")
                self.trouble = str(error)

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self.loop, name=f"{self.what} follower", daemon=True)
        thread.start()
        return thread
