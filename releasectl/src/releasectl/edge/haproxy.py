"""HAProxy's runtime API over its Unix socket (HAProxy Management Guide, section 9.3, "Unix Socket commands")."""

from __future__ import annotations

import csv
import socket

from ..core.errors import Code, Failure
from ..core.model import Config

TIMEOUT_S = 2.0
KEY = "live"
BACKEND_ROWS = 2
"""`show stat <proxy> <type> <sid>`: type 2 is the backend's own row."""


class Haproxy:
    def __init__(self, path: str, config: Config) -> None:
        self.path = path
        self.config = config

    def ask(self, command: str, timeout_s: float = TIMEOUT_S) -> str:
        """One command, one answer. Raises Failure (code 8) when the edge does not answer."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout_s)
                connection.connect(self.path)
                connection.sendall(command.encode() + b"\n")
                chunks = []
                while chunk := connection.recv(65536):
                    chunks.append(chunk)
        except OSError as error:
            raise Failure(
                Code.PREFLIGHT,
                f"HAProxy does not answer on {self.path}: {error or type(error).__name__}",
                "See `systemctl status haproxy` and `journalctl -u haproxy`.",
            ) from error
        return b"".join(chunks).decode("utf-8", "replace")

    def get_map(self, timeout_s: float = TIMEOUT_S) -> str | None:
        """What the running edge routes by; None: the map has no entry. Raises Failure when it has no such map."""
        answer = self.ask(f"show map {self.config.live_map}", timeout_s)
        rows = [line.split() for line in answer.splitlines() if line.strip()]
        for row in rows:
            if len(row) == 3 and row[0].startswith("0x"):
                if row[1] == KEY:
                    return row[2]
            else:
                raise Failure(
                    Code.PREFLIGHT,
                    f"HAProxy has no map {self.config.live_map}: {answer.strip()[:200]}",
                    "Converge the edge: ansible-playbook site.yml --tags edge.",
                )
        return None

    def set_map(self, slot: str, timeout_s: float) -> None:
        """Route to `slot`, and see that it is so."""
        name = self.config.live_map
        verb = "set" if self.get_map(timeout_s) is not None else "add"
        answer = self.ask(f"{verb} map {name} {KEY} {slot}", timeout_s).strip()
        now = self.get_map(timeout_s)
        if now != slot:
            raise Failure(
                Code.PREFLIGHT,
                f"HAProxy routes to {now!r} after `{verb} map … {KEY} {slot}`{': ' + answer[:200] if answer else ''}",
                "See `journalctl -u haproxy`.",
            )

    def in_flight(self, slot: str) -> int:
        """Requests that the edge has with the slot or holds for it: scur + qcur of its backend."""
        backend = self.config.backend(slot)
        answer = self.ask(f"show stat {backend} {BACKEND_ROWS} -1")
        rows = csv.DictReader(answer.removeprefix("# ").splitlines())
        for row in rows:
            if row.get("pxname") == backend and row.get("svname") == "BACKEND":
                return int(row["scur"] or 0) + int(row["qcur"] or 0)
        raise Failure(Code.PREFLIGHT, f"HAProxy has no backend {backend}: {answer.strip()[:200]}")
