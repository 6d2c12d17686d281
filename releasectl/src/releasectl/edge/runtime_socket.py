"""HAProxy's runtime API over its Unix sockets (HAProxy Management Guide, sections 9.3 and 9.4)."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Sequence

from ..model.errors import Code, Failure

TIMEOUT_S = 2.0
AGAIN_S = 0.02
GONE = "Can't find the target PID"


class NotRunning(Failure):
    """Nothing listens on the socket."""


class Runtime:
    """
    `socket_path`: of the worker that takes new connections. `master`: of the process above the workers, through which
    each is reached by its pid: also those that a reload has relieved, and that still serve the connections they had.
    """

    def __init__(self, socket_path: str, master: str) -> None:
        self.path = socket_path
        self.master = master

    def ask(self, commands: Sequence[str], worker: int | None = None, timeout_s: float = TIMEOUT_S) -> str:
        """
        The answers to commands, one after the other. Raises Failure (code 8) when HAProxy does not answer. `worker`:
        None for the one that takes new connections, or a pid; a worker that has ended in the meantime says nothing.
        """
        if worker is None:
            return self._exchange(self.path, "; ".join(commands), timeout_s)
        answer = self._exchange(self.master, "; ".join(f"@!{worker} {it}" for it in commands), timeout_s)
        return "" if GONE in answer else answer

    def workers(self, timeout_s: float = TIMEOUT_S) -> tuple[int, ...]:
        """
        Their pids, the one that takes new connections first; none without a master. A master that is reloading answers
        once it has; whoever asks after writing the map file hears of every worker that may have read it before.
        """
        if not os.path.exists(self.master):
            return ()
        end = time.monotonic() + timeout_s
        while True:
            answer = self._exchange(self.master, "show proc", timeout_s)
            found = tuple(int(pid) for pid in re.findall(r"^(\d+)\s+worker\s", answer, re.MULTILINE))
            if found or time.monotonic() >= end:
                break
            time.sleep(AGAIN_S)
        if not found:
            raise _silent(self.master, "it knows no worker")
        return found

    def _exchange(self, path: str, line: str, timeout_s: float) -> str:
        end = time.monotonic() + timeout_s
        while True:
            try:
                return _once(path, line, timeout_s)
            except ConnectionError as error:
                # A master that is reloading does not listen for a moment, and forgets whom it was listening to.
                if path != self.master or time.monotonic() >= end:
                    raise _silent(path, str(error), error) from error
                time.sleep(AGAIN_S)
            except OSError as error:
                raise _silent(path, str(error) or type(error).__name__, error) from error


def _once(path: str, line: str, timeout_s: float) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(path)
        connection.sendall(line.encode() + b"\n")
        # The master would wait for more.
        connection.shutdown(socket.SHUT_WR)
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")


def _silent(path: str, why: str, error: OSError | None = None) -> Failure:
    kind = NotRunning if isinstance(error, FileNotFoundError | ConnectionRefusedError) else Failure
    return kind(
        Code.PREFLIGHT,
        f"HAProxy does not answer on {path}: {why}",
        "See `systemctl status haproxy` and `journalctl -u haproxy`.",
    )
