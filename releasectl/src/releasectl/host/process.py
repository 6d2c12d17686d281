"""The engine's own process: its clocks, its signals, its session."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

from ..model.errors import Code, Failure, Interrupted
from .scope import leave_session


def require_root(command: str) -> None:
    """Raises Failure (code 2)."""
    if os.geteuid() != 0:
        raise Failure(Code.USAGE, f"{command} must be run as root", "sudo releasectl …")


class EngineProcess:
    def __init__(self, service: str) -> None:
        self.service = service
        self._stop = threading.Event()
        self._signal = ""
        self._held = False

    def listen(self) -> None:
        """SIGINT and SIGTERM stop the engine between two effects; a vanished terminal (SIGHUP) does not."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number).name
        self._stop.set()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        if self._held:
            time.sleep(seconds)
        elif self._stop.wait(seconds):
            raise Interrupted(self._signal)

    def pulse(self) -> None:
        """While a command runs: raises Interrupted when a signal asks the engine to stop."""
        self.pause(0)

    def hold_signals(self, hold: bool) -> None:
        self._held = hold

    def leave_session(self) -> None:
        leave_session(self.service)
