"""HAProxy's runtime API over its Unix socket (HAProxy Management Guide, section 9.3, "Unix Socket commands")."""

from __future__ import annotations

import csv
import socket
from collections.abc import Mapping

from ..core.counters import Counters
from ..core.errors import Code, Failure
from ..core.model import NOBODY, Config, Split

TIMEOUT_S = 2.0
KEY, CANARY, PERCENT = "live", "canary", "percent"
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
        """Where the running edge routes; None: the map has no entry. Raises Failure when it has no such map."""
        return self._map(timeout_s).get(KEY)

    def get_split(self) -> Split | None:
        return _split(self._map(TIMEOUT_S))

    def _map(self, timeout_s: float) -> dict[str, str]:
        found: dict[str, str] = {}
        answer = self.ask(f"show map {self.config.live_map}", timeout_s)
        rows = [line.split() for line in answer.splitlines() if line.strip()]
        for row in rows:
            if len(row) == 3 and row[0].startswith("0x"):
                found[row[1]] = row[2]
            else:
                raise Failure(
                    Code.PREFLIGHT,
                    f"HAProxy has no map {self.config.live_map}: {answer.strip()[:200]}",
                    "Converge the edge: ansible-playbook site.yml --tags edge.",
                )
        return found

    def set_map(self, slot: str, timeout_s: float) -> None:
        """
        Route all to `slot`, and see that it is so. A canary's share ends after: wherever the traffic goes, at no time
        does anybody get less of it than before the one or after the other.
        """
        was = self._map(timeout_s)
        verb = "set" if KEY in was else "add"
        commands = [f"{verb} map {self.config.live_map} {KEY} {slot}"]
        if was.get(PERCENT, "0") != "0":
            commands.append(f"set map {self.config.live_map} {PERCENT} 0")
        self._route(commands, Split(slot), timeout_s)

    def set_split(self, split: Split, timeout_s: float) -> None:
        """The share goes up last: until then nobody is sent to a slot that is not named yet."""
        was = self._map(timeout_s)
        pairs = ((KEY, split.live), (CANARY, split.canary), (PERCENT, str(split.percent)))
        commands = [
            f"{'set' if key in was else 'add'} map {self.config.live_map} {key} {value}"
            for key, value in pairs
            if was.get(key) != value
        ]
        self._route(commands, split, timeout_s)

    def _route(self, commands: list[str], wanted: Split, timeout_s: float) -> None:
        answer = self.ask("; ".join(commands), timeout_s).strip() if commands else ""
        now = self._map(timeout_s)
        found = _split(now)
        share = bool(found) and (wanted.whole or found == wanted)
        if not found or found.live != wanted.live or found.percent != wanted.percent or not share:
            said = ": " + answer[:200] if answer else ""
            raise Failure(
                Code.PREFLIGHT,
                f"HAProxy routes to {now.get(KEY)!r} ({now.get(PERCENT, '0')} % elsewhere) after "
                f"`{'; '.join(commands)}`{said}",
                "See `journalctl -u haproxy`.",
            )

    def in_flight(self, slot: str) -> int:
        """Requests that the edge has with the slot or holds for it: scur + qcur of its backend."""
        row = self._stat(slot)[slot]
        return _count(row, "scur") + _count(row, "qcur")

    def counters(self) -> Mapping[str, Counters]:
        return {slot: _counters(row) for slot, row in self._stat(*self.config.slots).items()}

    def _stat(self, *slots: str) -> dict[str, dict[str, str]]:
        """slot → its backend's own row, in one exchange."""
        names = {self.config.backend(slot): slot for slot in slots}
        answer = self.ask("; ".join(f"show stat {name} {BACKEND_ROWS} -1" for name in names))
        found: dict[str, dict[str, str]] = {}
        # Each command's answer is a table with a header of its own.
        for table in answer.split("# ")[1:]:
            for row in csv.DictReader(table.splitlines()):
                if row.get("pxname") in names and row.get("svname") == "BACKEND":
                    found[names[row["pxname"]]] = row
        missing = [name for name, slot in names.items() if slot not in found]
        if missing:
            raise Failure(Code.PREFLIGHT, f"HAProxy has no backend {missing[0]}: {answer.strip()[:200]}")
        return found


def _split(found: Mapping[str, str]) -> Split | None:
    if KEY not in found:
        return None
    share = found.get(PERCENT, "0")
    return Split(found[KEY], found.get(CANARY, NOBODY), int(share) if share.isdigit() else 0)


def _count(row: Mapping[str, str], name: str) -> int:
    return int(row.get(name) or 0)


def _counters(row: Mapping[str, str]) -> Counters:
    classes = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
    return Counters(
        requests=sum(_count(row, f"hrsp_{name}") for name in classes),
        errors=_count(row, "hrsp_5xx"),
        connect=_count(row, "econ") + _count(row, "eresp"),
        mean_ms=float(_count(row, "rtime")),
        responses_cut=_count(row, "srv_abrt"),
    )
