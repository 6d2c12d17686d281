"""HAProxy's routing, its requests in flight and its counters, over the runtime sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..model.counters import Counters
from ..model.errors import Code, Failure, UnreadableMap
from ..model.inflight import Exchange
from ..model.model import NO_SLOT, Config, Split
from .runtime_socket import TIMEOUT_S, Runtime

NO_MAP = "Unknown map identifier"
KEY, CANARY, PERCENT, STANDBY = "live", "canary", "percent", "standby"
SERVER = "app"
"""A slot's own server in its backend; those of the other slot begin with `standby`."""
BACKEND_AND_SERVERS = 6
"""`show stat <proxy> <type> <sid>`: type 2 is the backend's own row, type 4 those of its servers."""
SENT = ("MSG_DONE", "MSG_CLOSED", "MSG_CLOSING")
ANSWERED = ("MSG_BODY", "MSG_DATA", "MSG_TRAILERS", "MSG_ENDING", *SENT)


class Haproxy:
    """
    A reload leaves old workers behind, which go on by the map that they have with the connections that they have: so
    they are routed as well, and what they have in flight counts.
    """

    def __init__(self, path: str, master: str, config: Config) -> None:
        self.runtime = Runtime(path, master)
        self.config = config

    def _workers(self, timeout_s: float = TIMEOUT_S) -> tuple[int | None, ...]:
        return self.runtime.workers(timeout_s) or (None,)

    def get_map(self, timeout_s: float = TIMEOUT_S) -> str | None:
        """Where the running HAProxy routes; None: the map has no entry. Raises Failure when it has no such map."""
        return self._map(timeout_s).get(KEY)

    def get_split(self) -> Split | None:
        return _split(self._map(TIMEOUT_S))

    def _map(self, timeout_s: float, worker: int | None = None) -> dict[str, str]:
        found: dict[str, str] = {}
        answer = self.runtime.ask([f"show map {self.config.live_map}"], worker, timeout_s)
        rows = [line.split() for line in answer.splitlines() if line.strip()]
        for row in rows:
            if len(row) == 3 and row[0].startswith("0x"):
                found[row[1]] = row[2]
            elif row[0].startswith("0x"):
                # The file is right: recovery writes it. Without the address, which says nothing to a person.
                raise UnreadableMap(
                    Code.PREFLIGHT,
                    f"the live map has an unreadable entry ({' '.join(row[1:])!r})",
                    "sudo systemctl reload haproxy",
                )
            elif worker is not None and NO_MAP in answer:
                return {}
            else:
                # Local import: rarely needed (docs/startup.md).
                from ..rollout.surrounding_findings import converge

                raise Failure(
                    Code.PREFLIGHT,
                    f"HAProxy has no map {self.config.live_map}: {answer.strip()[:200]}",
                    converge(self.config.host, "edge"),
                )
        return found

    def set_map(self, slot: str, timeout_s: float, standby: str = NO_SLOT) -> None:
        """
        Route all to `slot`, and see that it is so. A canary's share ends after: wherever the traffic goes, at no time
        does anybody get less of it than before the one or after the other.
        """
        self._route(Split(slot, standby=standby), timeout_s)

    def set_split(self, split: Split, timeout_s: float) -> None:
        """The percentage is set last: until then no request goes to a slot that is not named yet."""
        self._route(split, timeout_s)

    def _route(self, wanted: Split, timeout_s: float) -> None:
        """Until there is nobody left who has not routed: a reload may come between."""
        routed: set[int | None] = set()
        while new := [worker for worker in self._workers(timeout_s) if worker not in routed]:
            for worker in new:
                self._route_one(wanted, timeout_s, worker)
            routed.update(new)

    def _route_one(self, wanted: Split, timeout_s: float, worker: int | None) -> None:
        commands = _commands(self.config, self._map(timeout_s, worker), wanted)
        answer = self.runtime.ask(commands, worker, timeout_s).strip() if commands else ""
        now = self._map(timeout_s, worker)
        if not now and worker is not None and worker not in self.runtime.workers(timeout_s)[:1]:
            return  # An old one that has ended, or that is older than this service.
        found = _split(now)
        share = bool(found) and (wanted.whole or found == wanted)
        same = found and (found.live, found.percent, found.standby) == (wanted.live, wanted.percent, wanted.standby)
        if not same or not share:
            reply = ": " + answer[:200] if answer else ""
            raise Failure(
                Code.PREFLIGHT,
                f"HAProxy routes to {now.get(KEY)!r} ({now.get(PERCENT, '0')} % elsewhere) after "
                f"`{'; '.join(commands)}`{reply}",
                "See `journalctl -u haproxy`.",
            )

    def in_flight(self, slot: str) -> int:
        """Requests that HAProxy has with the slot or holds for it: scur + qcur of its backend."""
        return self._sum(slot, "scur", "qcur")

    def aborted_requests(self, slot: str) -> int:
        """Requests without an answer of the slot (5xx), and answers of it that broke off."""
        return self._sum(slot, "hrsp_5xx", "srv_abrt")

    def exchanges(self, slot: str) -> tuple[Exchange, ...]:
        """Each thing in flight to a slot. HAProxy passes over all its sessions for it."""
        answers = (self.runtime.ask(["show sess all"], worker) for worker in self._workers())
        own, other = self.config.backend(slot), self.config.backend(self.config.other(slot))
        return tuple(it for answer in answers for it in _exchanges(answer, own, other))

    def is_down(self, slot: str) -> bool:
        """What its check, or a connection that was refused, has found. A backend of before has no check: it is up."""
        return self._check(slot).startswith("DOWN")

    def is_doubtful(self, slot: str) -> bool:
        """Down, or its last check failed: `UP 1/2`. The next one, which may be under way, can take it down."""
        return self._check(slot) not in ("UP", "no check")

    def _check(self, slot: str) -> str:
        return next((row["status"] for row in self._stat()[slot] if row["svname"] == SERVER), "no check")

    def counters(self) -> Mapping[str, Counters]:
        return {slot: _counters(rows) for slot, rows in self._stat().items()}

    def _sum(self, slot: str, *names: str) -> int:
        """
        Of what was sent to the slot itself, in all workers: of its own backend without what the standby has of it, and
        of the other backend what the slot has as the standby.
        """
        total = 0
        for worker in self._workers():
            for owner, rows in self._stat(worker).items():
                standby = sum(_count(row, name) for row in rows if _is_standby(row) for name in names)
                whole = sum(_count(row, name) for row in rows if row["svname"] == "BACKEND" for name in names)
                total += whole - standby if owner == slot else standby
        return max(0, total)

    def _stat(self, worker: int | None = None) -> dict[str, list[dict[str, str]]]:
        """slot → its backend's own row and those of its servers, in one exchange. Empty: the (old) worker has ended."""
        # Local import: only rollouts read counters (docs/startup.md).
        import csv

        names = {self.config.backend(slot): slot for slot in self.config.slots}
        answer = self.runtime.ask([f"show stat {name} {BACKEND_AND_SERVERS} -1" for name in names], worker)
        found: dict[str, list[dict[str, str]]] = {}
        # Each command's answer is a table with a header of its own.
        for table in answer.split("# ")[1:]:
            for row in csv.DictReader(table.splitlines()):
                if row.get("pxname") in names and row.get("svname"):
                    found.setdefault(names[row["pxname"]], []).append(row)
        missing = [name for name, slot in names.items() if slot not in found]
        # A backend that is younger than an old worker has nothing in flight there.
        if missing and worker is None:
            raise Failure(Code.PREFLIGHT, f"HAProxy has no backend {missing[0]}: {answer.strip()[:200]}")
        return found


def _commands(config: Config, was: Mapping[str, str], wanted: Split) -> list[str]:
    """A slot that gets traffic has passed its gates: HAProxy need not wait for its own check of it."""
    now = {KEY: wanted.live, CANARY: wanted.canary} if not wanted.whole else {KEY: wanted.live}
    before = {PERCENT: "0", STANDBY: NO_SLOT, **was}
    # The entry of the last canary stays in the map: without a share it names nobody.
    served = {KEY: before.get(KEY), CANARY: before.get(CANARY) if before[PERCENT] != "0" else None}
    commands = [
        f"set server {config.backend(slot)}/{SERVER} health up"
        for key, slot in now.items()
        if slot in config.slots and served[key] != slot
    ]
    now[PERCENT] = str(wanted.percent)
    now[STANDBY] = wanted.standby
    for key, value in now.items():
        # `live` always: so that HAProxy answers at least once.
        if before.get(key) != value or (key == KEY and wanted.whole):
            commands.append(f"{'set' if key in was else 'add'} map {config.live_map} {key} {value}")
    return commands


def _is_standby(row: Mapping[str, str]) -> bool:
    return row["svname"].startswith(STANDBY)


def _exchanges(answer: str, own: str, other: str) -> Iterator[Exchange]:
    """
    Of `show sess all`: a paragraph for each, that begins with its address; what it is about is in its `txn`. A slot has
    those of its `own` backend that are not with the standby, and those of the `other` one that are.
    """
    for text in re.split(r"^(?=0x)", answer, flags=re.MULTILINE):
        backend = re.search(r"^ +backend=(\S+) ", text, re.MULTILINE)
        standby = re.search(rf"^ +server={STANDBY}", text, re.MULTILINE)
        if not backend or backend[1] != (other if standby else own):
            continue
        found = re.search(r" status=(-?\d+) req\.st=(\w+) rsp\.st=(\w+)", text)
        # Without a transaction it is one that begins or ends.
        status, request, response = found.groups() if found else ("-1", "", "")
        tunnel = request == response == "MSG_TUNNEL"
        yield Exchange(int(status), request in SENT, response in ANSWERED, tunnel)


def _split(found: Mapping[str, str]) -> Split | None:
    if KEY not in found:
        return None
    share = found.get(PERCENT, "0")
    percent = int(share) if share.isdigit() else 0
    return Split(found[KEY], found.get(CANARY, NO_SLOT), percent, found.get(STANDBY, NO_SLOT))


def _count(row: Mapping[str, str], name: str) -> int:
    return int(row.get(name) or 0)


def _counters(rows: Sequence[Mapping[str, str]]) -> Counters:
    row = next(it for it in rows if it["svname"] == "BACKEND")
    classes = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
    return Counters(
        requests=sum(_count(row, f"hrsp_{name}") for name in classes),
        errors=_count(row, "hrsp_5xx"),
        connect=_count(row, "econ") + _count(row, "eresp"),
        mean_ms=float(_count(row, "rtime")),
        failover=sum(_count(it, f"hrsp_{name}") for it in rows if _is_standby(it) for name in classes),
    )
