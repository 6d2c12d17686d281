"""HAProxy's sockets: what is asked of which worker, and what its answers mean. The answers are those of 2.6 and 3.0."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from releasectl.edge import runtime_socket as runtime
from releasectl.edge.routing import Haproxy
from releasectl.model.errors import Failure
from releasectl.model.inflight import Exchange, InFlight, kinds
from releasectl.model.model import Split

from .simulated_host import config

MAP = config().live_map
PROC = """#<PID>          <type>          <reloads>       <uptime>        <version>
2987            master          2 [failed: 0]   0d00h08m51s     2.6.12-1+deb12u3
# workers
{new}            worker          0               0d00h00m01s     2.6.12-1+deb12u3
# old workers
{old}
# programs

"""
SESSION = """0x55b4882cb2{n}0: [21/Nov/2026:11:19:55.416611] id=23 proto=tcpv4 source=172.30.99.1:51570
  flags=0xc4a, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=0x55b48823dee0, pend_pos=(nil) waiting=0 epoch=0
  frontend=https (id=4 mode=http), listener=? (id=1) addr=172.30.99.15:443
  backend={backend} (id=6 mode=http) addr=127.0.0.1:58090
  server=app (id=1) addr=127.0.0.1:18081
  {txn}
  scf=0x55b48831e290 flags=0x00000000 state=EST endp=CONN,0x55b48844cc90,0x02804001 sub=1
"""
TXN = "txn=0x55b48844d680 flags=0x803000 meth=1 status={} req.st={} rsp.st={} req.f=0x4c rsp.f=0x0e"


class Edge:
    """Workers with a map each, and the master above them; `workers[0]` is the one that takes new connections."""

    def __init__(self, folder: Path) -> None:
        self.workers = [11]
        self.maps: dict[int, dict[str, str]] = {}
        self.scur: dict[int, int] = {}
        self.checks: dict[str, str] = {}
        """Backend → what the check of its slot has found, where that is not `UP`."""
        self.standby: dict[str, int] = {}
        """Backend → what each of the two servers of its standby has."""
        self.sessions: dict[int, str] = {}
        self.refuse = 0
        self.reload_at = 0
        self.asked: list[str] = []
        self.paths = [str(folder / "admin.sock"), str(folder / "master.sock")]
        self.servers = [socket.socket(socket.AF_UNIX) for _ in self.paths]
        for server, path in zip(self.servers, self.paths, strict=True):
            server.bind(path)
            server.listen()
            threading.Thread(target=self.serve, args=(server, path), daemon=True).start()

    def map_of(self, pid: int) -> dict[str, str]:
        return self.maps.setdefault(pid, {"live": "blue"})

    def serve(self, server: socket.socket, path: str) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                said = b""
                while chunk := connection.recv(4096):
                    said += chunk
                master = path.endswith("master.sock")
                if master and self.refuse:
                    self.refuse -= 1
                    continue
                for command in said.decode().strip().split("; "):
                    connection.sendall(self.answer(command, master).encode() + b"\n")

    def answer(self, command: str, master: bool) -> str:
        self.asked.append(command)
        if command == "show proc":
            old = "\n".join(f"{pid}            worker          1               0d00h" for pid in self.workers[1:])
            answer = PROC.format(new=self.workers[0], old=old)
            self.reload_at -= 1
            if self.reload_at == 0:
                self.workers.insert(0, 12)
            return answer
        pid = self.workers[0]
        if found := re.match(r"@!(\d+) (.*)", command):
            assert master
            pid, command = int(found[1]), found[2]
            if pid not in self.workers:
                return f"Can't find the target PID matching the prefix '@!{pid}'\n"
        words = command.split()
        if command == f"show map {MAP}":
            if self.maps.get(pid, {None: None}) == {}:
                return "Unknown map identifier. Please use #<id> or <file>."
            return "\n".join(f"0x{n}abc {key} {value}" for n, (key, value) in enumerate(self.map_of(pid).items()))
        if words[:2] in (["set", "map"], ["add", "map"]):
            assert (words[3] in self.map_of(pid)) == (words[0] == "set")
            self.map_of(pid)[words[3]] = words[4]
            return ""
        if words[:2] == ["show", "stat"]:
            check = self.checks.get(words[2], "UP")
            rows = [f"{words[2]},BACKEND,1,{self.scur.get(pid, 0)},2,3,UP,", f"{words[2]},app,0,0,0,0,{check},"]
            rows += [f"{words[2]},standby{n},0,{self.standby.get(words[2], 0)},0,1,no check," for n in (1, 2)]
            return "# pxname,svname,qcur,scur,hrsp_5xx,srv_abrt,status,\n" + "\n".join(rows) + "\n"
        if words[:2] == ["set", "server"]:
            return ""
        return self.sessions.get(pid, "")


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    found = Edge(tmp_path)
    yield found
    for server in found.servers:
        server.close()


def haproxy(edge: Edge) -> Haproxy:
    path, master = edge.paths
    return Haproxy(path, master, config())


def test_a_switch_reaches_every_worker(edge: Edge) -> None:
    edge.workers = [11, 9, 7]
    haproxy(edge).set_map("green", 1)
    assert {pid: edge.map_of(pid)["live"] for pid in edge.workers} == {11: "green", 9: "green", 7: "green"}


def test_a_canary_s_share_reaches_every_worker(edge: Edge) -> None:
    edge.workers = [11, 9]
    haproxy(edge).set_split(Split("blue", "green", 20), 1)
    assert [edge.map_of(pid) for pid in edge.workers] == [{"live": "blue", "canary": "green", "percent": "20"}] * 2
    ups = [command for command in edge.asked if "health" in command]
    assert ups == [f"@!{pid} set server inference_green/app health up" for pid in edge.workers]
    haproxy(edge).set_split(Split("blue", "green", 40), 1)
    assert len([command for command in edge.asked if "health" in command]) == 2, "it has its share already"
    haproxy(edge).set_map("blue", 1)
    assert [edge.map_of(pid)["percent"] for pid in edge.workers] == ["0", "0"]


def test_the_next_canary_in_the_same_slot_is_up_for_the_edge_as_well(edge: Edge) -> None:
    """The map still names the slot of the last one, which was stopped since."""
    edge.maps = {11: {"live": "blue", "canary": "green", "percent": "0"}}
    haproxy(edge).set_split(Split("blue", "green", 20), 1)
    assert [it for it in edge.asked if "health" in it] == ["@!11 set server inference_green/app health up"]


def test_a_worker_that_comes_in_the_meantime_is_told_as_well(edge: Edge) -> None:
    """It has read the map file before that was written."""
    edge.reload_at = 1
    haproxy(edge).set_map("green", 1)
    assert edge.workers == [12, 11]
    assert [edge.map_of(pid)["live"] for pid in edge.workers] == ["green", "green"]


def test_an_old_worker_that_knows_no_such_map_is_left_alone(edge: Edge) -> None:
    edge.workers, edge.maps = [11, 9], {9: {}}
    haproxy(edge).set_map("green", 1)
    assert edge.map_of(11)["live"] == "green"


def test_a_master_that_does_not_answer_yet_is_asked_again(edge: Edge) -> None:
    edge.refuse = 2
    haproxy(edge).set_map("green", 1)
    assert edge.map_of(11)["live"] == "green"


def test_a_master_that_never_answers_is_no_switch(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.refuse = 10**6
    monkeypatch.setattr(runtime, "AGAIN_S", 0.001)
    with pytest.raises(Failure, match=r"master.sock: it knows no worker"):
        haproxy(edge).set_map("green", 0.2)
    assert edge.map_of(11)["live"] == "blue"


def test_without_a_master_the_one_worker_is_all_there_is(edge: Edge) -> None:
    os.unlink(edge.paths[1])
    haproxy(edge).set_map("green", 1)
    assert edge.map_of(11)["live"] == "green"
    assert haproxy(edge).in_flight("blue") == 1


def test_what_is_in_flight_is_that_of_every_worker(edge: Edge) -> None:
    edge.workers, edge.scur = [11, 9], {11: 1, 9: 3}
    assert haproxy(edge).in_flight("blue") == 1 + 3 + 2
    assert haproxy(edge).aborted_requests("blue") == 2 * (2 + 3)


def test_the_standby_is_told_with_the_slot_and_taken_off_with_it(edge: Edge) -> None:
    edge.workers = [11, 9]
    haproxy(edge).set_map("green", 1, "blue")
    assert [edge.map_of(pid) for pid in edge.workers] == [{"live": "green", "standby": "blue"}] * 2
    assert haproxy(edge).get_split() == Split("green", standby="blue")
    haproxy(edge).set_map("green", 1)
    assert [edge.map_of(pid)["standby"] for pid in edge.workers] == ["none", "none"]


def test_a_slot_that_gets_the_traffic_is_up_for_the_edge_at_once_and_one_that_has_it_is_left_alone(edge: Edge) -> None:
    haproxy(edge).set_map("blue", 1, "green")
    assert not [command for command in edge.asked if "health" in command]
    haproxy(edge).set_map("green", 1, "blue")
    asked = [command.partition(" ")[2] for command in edge.asked]
    assert asked.index("set server inference_green/app health up") < asked.index(f"set map {MAP} live green")


def test_a_slot_is_down_as_the_edge_finds_it(edge: Edge) -> None:
    edge.checks = {"inference_green": "DOWN"}
    assert haproxy(edge).is_down("green")
    assert not haproxy(edge).is_down("blue")


@pytest.mark.parametrize(
    ("check", "down", "doubtful"),
    [("UP", False, False), ("no check", False, False), ("UP 1/2", False, True), ("DOWN 1/2", True, True)],
)
def test_a_slot_is_doubtful_when_its_last_check_failed(edge: Edge, check: str, down: bool, doubtful: bool) -> None:
    edge.checks = {"inference_green": check}
    assert (haproxy(edge).is_down("green"), haproxy(edge).is_doubtful("green")) == (down, doubtful)


def test_what_a_standby_answers_is_in_flight_to_it(edge: Edge) -> None:
    edge.scur, edge.standby = {11: 5}, {"inference_green": 2}
    assert haproxy(edge).in_flight("blue") == 5 + 1 + 2 * 2
    assert haproxy(edge).in_flight("green") == 5 + 1 - 2 * 2
    assert haproxy(edge).aborted_requests("blue") == (2 + 3 - 2) + 2


def test_what_is_in_flight_by_kind(edge: Edge) -> None:
    mine, other = "inference_blue", "inference_green"
    seen = [
        (mine, TXN.format(-1, "MSG_DATA", "MSG_RPBEFORE")),
        (mine, TXN.format(-1, "MSG_DONE", "MSG_RPBEFORE")),
        (mine, TXN.format(200, "MSG_DONE", "MSG_DATA")),
        (other, TXN.format(200, "MSG_DONE", "MSG_DATA")),
        (mine, TXN.format(101, "MSG_TUNNEL", "MSG_TUNNEL")),
        ("<NONE>", "task=0x0"),
        (mine, "task=0x0"),
    ]
    text = SESSION.format(n=8, backend=other, txn=seen[2][1]).replace("server=app", "server=standby1")
    text += SESSION.format(n=7, backend=mine, txn=seen[2][1]).replace("server=app", "server=standby2")
    text += "".join(SESSION.format(n=n, backend=backend, txn=txn) for n, (backend, txn) in enumerate(seen))
    edge.workers, edge.sessions = [11, 9], {11: text, 9: SESSION.format(n=9, backend=mine, txn=seen[2][1])}
    found = haproxy(edge).exchanges("blue")
    assert found[0] == Exchange(200, sent=True, answered=True, tunnel=False)
    # One of them as the standby of the other slot.
    assert kinds(found) == InFlight(requests=3, streams=3, websockets=1)
