"""HAProxy's runtime API over its Unix sockets (HAProxy Management Guide, sections 9.3 and 9.4)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence

from ..core.errors import Code, Failure

TIMEOUT_S = 2.0
GONE = "Can't find the target PID"


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
        The answers to commands, one after the other. Raises Failure (code 8) when the edge does not answer. `worker`:
        None for the one that takes new connections, or a pid; a worker that has ended in the meantime says nothing.
        """
        if worker is None:
            return self._exchange(self.path, "; ".join(commands), timeout_s)
        answer = self._exchange(self.master, "; ".join(f"@!{worker} {it}" for it in commands), timeout_s)
        return "" if GONE in answer else answer

    def workers(self, timeout_s: float = TIMEOUT_S) -> tuple[int, ...]:
        """
        Their pids, the one that takes new connections first; none without a master. A master that is reloading answers
        once it has: what it lists then reads the map file of now, or is to be told.
        """
        if not os.path.exists(self.master):
            return ()
        answer = self._exchange(self.master, "show proc", timeout_s)
        return tuple(int(pid) for pid in re.findall(r"^(\d+)\s+worker\s", answer, re.MULTILINE))

    def _exchange(self, path: str, line: str, timeout_s: float) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout_s)
                connection.connect(path)
                connection.sendall(line.encode() + b"\n")
                # The master would wait for more.
                connection.shutdown(socket.SHUT_WR)
                chunks = []
                while chunk := connection.recv(65536):
                    chunks.append(chunk)
        except OSError as error:
            raise Failure(
                Code.PREFLIGHT,
                f"HAProxy does not answer on {path}: {error or type(error).__name__}",
                "See `systemctl status haproxy` and `journalctl -u haproxy`.",
            ) from error
        return b"".join(chunks).decode("utf-8", "replace")
