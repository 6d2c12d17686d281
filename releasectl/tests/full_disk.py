"""A disk that is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest


class FullDisk:
    """os.write takes `room` more bytes, then says ENOSPC; removing the reserve makes room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int, reserve: Path | None = None) -> None:
        self.room = room
        self.real: Callable[[int, bytes], int] = os.write
        self.reserve = reserve
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if self.reserve and not self.reserve.exists():
            return self.real(fd, data)
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self.real(fd, data[: self.room])
        self.room -= taken
        return taken
