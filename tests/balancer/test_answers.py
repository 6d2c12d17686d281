"""What clients of a rehearsal's load balancer get: HAProxy with the configuration that rehearsal/haproxy.py writes."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal import haproxy, shell
from rehearsal.haproxy import Check, Group, Rule, Target
from rehearsal.settings import PREFIX
from tests.harness.balancers import GONE, REDIRECT, balancer, forward
from tests.harness.ports import free_port

IMAGE = f"{PREFIX}/cloud"


class Played:
    """HAProxy in a container of the rehearsal's image, on this machine's network, and targets that it may reach."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.container = ""
        self.servers: list[ThreadingHTTPServer] = []
        self.port = free_port()

    def target(self, name: str, status: int = 200) -> Target:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        return Target(name, "127.0.0.1", server.server_address[1])

    def start(self, *rules: Rule, groups: tuple[Group, ...] = ()) -> None:
        it = replace(balancer(*rules, port=self.port, secure=False, groups=groups), address="127.0.0.1")
        text = haproxy.config(it)
        for port in (haproxy.STATS_PORT, haproxy.CONTROL_PORT):
            text = text.replace(f":{port}", f":{free_port()}")
        (self.folder / haproxy.CONFIG).write_text(text)
        (self.folder / "502.http").write_text(haproxy.BAD_GATEWAY, newline="")
        (self.folder / haproxy.STATES).write_text(haproxy.states(it, ()))
        program = ["haproxy", "-db", "-f", f"{haproxy.FOLDER}/{haproxy.CONFIG}"]
        volume = f"--volume={self.folder}:{haproxy.FOLDER}:ro"
        self.container = shell.docker("run", "--detach", "--rm", "--network=host", volume, IMAGE, *program).strip()
        shell.wait_for("HAProxy", lambda: bool(socket.create_connection(("127.0.0.1", self.port), 1)), 10)

    def get(self, path: str, **headers: str) -> tuple[int, str, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Location")

    def stop(self) -> None:
        if self.container:
            shell.docker("rm", "--force", self.container)
        for server in self.servers:
            server.shutdown()


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    assert shell.docker("images", "--quiet", IMAGE), f"{IMAGE} is not there: a rehearsal builds it (make rehearse)"
    it = Played(tmp_path)
    yield it
    it.stop()


def plain(name: str, *targets: Target, interval_s: int = 1) -> Group:
    return Group(f"{name}-arn", name, "HTTP", Check("HTTP", None, "/ready", interval_s, 1, 2, 2, "200"), 1, targets)


def test_healthy_targets_share_the_requests(played: Played) -> None:
    good, other, bad = played.target("good"), played.target("other"), played.target("bad", 500)
    played.start(Rule((), forward(blue=1)), groups=(plain("blue", good, other, bad),))

    def both() -> bool:
        return {played.get("/")[1] for _ in range(20)} == {"good", "other"}

    shell.wait_for("the checks", both, 10)
    assert {played.get("/")[:2] for _ in range(20)} == {(200, "good"), (200, "other")}


def test_unhealthy_targets_get_requests_while_there_is_no_other(played: Played) -> None:
    refusing = Target("i-9", "127.0.0.1", free_port())
    groups = plain("blue", played.target("bad", 500)), plain("green", refusing)
    to_green = ({"Field": "path-pattern", "Values": ["/green"]},)
    played.start(Rule(to_green, forward(green=1)), Rule((), forward(blue=1)), groups=groups)
    assert played.get("/")[:2] == (500, "bad")
    assert played.get("/green")[0] == 502


def test_weights_are_those_of_the_groups(played: Played) -> None:
    groups = plain("blue", played.target("blue")), plain("green", played.target("green"))
    played.start(Rule((), forward(blue=80, green=20)), groups=groups)
    found = [played.get("/")[1] for _ in range(300)]
    assert 20 < found.count("green") < 120 and found.count("blue") + found.count("green") == 300


def test_the_first_rule_that_matches_decides(played: Played) -> None:
    host = ({"Field": "host-header", "HostHeaderConfig": {"Values": ["*.old.example.com"]}},)
    path = ({"Field": "path-pattern", "Values": ["/gone/*"]},)
    moved = {"Type": "redirect", "RedirectConfig": {"Host": "new.#{host}", "Path": "/x/#{path}", "Query": "a=1",
                                                    "Port": "8443", "StatusCode": "HTTP_302"}}  # fmt: skip
    groups = (plain("blue", played.target("blue")), plain("green"))
    played.start(
        Rule(path, GONE),
        Rule(host, moved),
        Rule(({"Field": "path-pattern", "Values": ["/none"]},), forward(green=1)),
        Rule((), forward(blue=1)),
        groups=groups,
    )
    assert played.get("/gone/1")[:2] == (410, 'it\'s 100% "gone" #1')
    assert played.get("/b", Host="a.old.example.com:80")[2] == "http://new.a.old.example.com:8443/x/b?a=1"
    assert played.get("/none")[0] == 503
    assert played.get("/b", Host="old.example.com")[:2] == (200, "blue")


def test_a_redirect_keeps_host_path_and_query(played: Played) -> None:
    played.start(Rule((), REDIRECT))
    assert played.get("/a?b=c", Host="api.example.com")[::2] == (301, "https://api.example.com:443/a?b=c")
