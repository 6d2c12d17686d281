"""
What a container prints goes by a pipe to its containerd-shim, and from there by a FIFO to dockerd (moby:
libcontainerd/remote). When dockerd is down, hangs or falls behind, both fill up and the next line blocks
the container. Then the FIFO is emptied here: output may be lost, a service may not wait.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress

STREAMS = ("stdout", "stderr")
# The largest that the kernel gives without being asked (/proc/sys/fs/pipe-max-size): a restart of dockerd, which takes
# a few seconds, then loses nothing.
FIFO_BYTES = 2**20
# fcntl(2). The fcntl module has their names since Python 3.10 only.
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
# Between two checks, and while a FIFO is more than half full: a container that prints without end fills it in no time.
IDLE_S = 0.1
BUSY_S = 0.01
# So long after the last bytes that had to be dropped, their sum is printed.
QUIET_S = 5.0


def fifos(folder: str, container_id: str) -> list[str]:
    """Of the container's first process, which Docker calls by the container's id, and up to 20.10 `init`."""
    named = [[os.path.join(folder, f"{who}-{stream}") for who in (container_id, "init")] for stream in STREAMS]
    return [next(filter(os.path.exists, paths), paths[0]) for paths in named]


class Output:
    """The output of one container. Call `check` every `check()` seconds; it never blocks."""

    def __init__(self, fifos: Sequence[str]) -> None:
        """FIFOs that cannot be opened are left alone: without them, the output is Docker's affair as ever."""
        self._streams = [stream for stream in map(_open, fifos) if stream is not None]
        self._dropped = 0
        self._since = self._last = 0.0

    def check(self) -> float:
        """Empty what nobody else does. Returns the seconds until the next check is due."""
        full = [self._check(stream) for stream in self._streams]
        if self._dropped and time.monotonic() - self._last > QUIET_S:
            self._report()
        return BUSY_S if any(full) else IDLE_S

    def _check(self, stream: _Stream) -> bool:
        """Whether it is more than half full. At a second look in a row its reader is not just a moment late."""
        was, stream.full = stream.full, stream.waiting() * 2 > stream.size
        if was and stream.full:
            self._drop(stream)
        return stream.full

    def _drop(self, stream: _Stream) -> None:
        self._last = time.monotonic()
        if not self._dropped:
            self._since = self._last
            print("dockerd does not read the container's output: dropping it, so that the service does not block",
                  file=sys.stderr)  # fmt: skip
        self._dropped += stream.drop()

    def _report(self) -> None:
        took = self._last - self._since
        print(f"dropped {self._dropped // 1024} KiB of the container's output in {took:.0f} s", file=sys.stderr)
        self._dropped = 0

    def close(self) -> None:
        for stream in self._streams:
            os.close(stream.fd)
        self._streams = []


class _Stream:
    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.full = False
        self.size = fcntl.fcntl(fd, F_GETPIPE_SZ)

    def waiting(self) -> int:
        """Bytes that nobody has read (FIONREAD, pipe(7))."""
        return int(struct.unpack("i", fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4)))[0])

    def drop(self) -> int:
        """The older half: what was printed last is still there when dockerd comes back."""
        try:
            return len(os.read(self.fd, self.size // 2))
        except BlockingIOError:
            # Somebody read it in this moment.
            return 0


def _open(path: str) -> _Stream | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        print(f"{path}: {error.strerror}: without dockerd, the container's output may block it", file=sys.stderr)
        return None
    # Where this kernel has another limit, it stays as it is.
    with suppress(OSError):
        fcntl.fcntl(fd, F_SETPIPE_SZ, FIFO_BYTES)
    return _Stream(fd)
