"""haproxy.cfg of a load balancer: its text, and what HAProxy makes of it where there is one on this machine."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rehearsal import haproxy, shell
from rehearsal.haproxy import Balancer, Check, Group, Listener, Rule, Target

CHECK = Check("HTTPS", None, "/ready", 10, 5, 2, 3, "200")
BLUE = Group("blue-arn", "blue", "HTTPS", CHECK, 30, (Target("i-1", "10.20.1.4", 443), Target("i-2", "10.20.1.5", 443)))
GREEN = Group("green-arn", "green", "HTTPS", CHECK, 60, ())


def forward(**weights: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": f"{name}-arn", "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


REDIRECT = {
    "Type": "redirect",
    "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
        "StatusCode": "HTTP_301",
    },
}  # fmt: skip
GONE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "MessageBody": 'it\'s 100% "gone" #1'}}


def balancer(*rules: Rule, port: int = 443, secure: bool = True, groups: tuple[Group, ...] = (BLUE, GREEN)) -> Balancer:
    listener = Listener(port, "HTTPS", ("first.pem", "second.pem"), rules)
    if not secure:
        listener = replace(listener, protocol="HTTP", certificates=())
    return Balancer("arn", "slipway-dev", "vpc-1", "10.20.0.9", 60, (listener,), {g.arn: g for g in groups})


def lines(it: Balancer) -> list[str]:
    return [line.strip() for line in haproxy.config(it).splitlines()]


def test_a_listener_answers_with_its_certificates_the_default_one_first() -> None:
    crt = "crt /etc/balancer/certs/first.pem crt /etc/balancer/certs/second.pem"
    assert f"bind 10.20.0.9:443 ssl {crt} alpn h2,http/1.1 ssl-min-ver TLSv1.2" in lines(balancer())
    assert "bind 10.20.0.9:80" in lines(balancer(port=80, secure=False))


def test_a_health_check_is_the_target_group_s() -> None:
    found = lines(balancer(Rule((), forward(blue=1))))
    check = "check check-ssl verify none inter 10s rise 2 fall 3"
    assert f"server 10.20.1.4:443 10.20.1.4:443 ssl verify none {check}" in found
    assert any(it.startswith("http-check send meth GET uri /ready ver HTTP/1.1 hdr Host %[srv_name]") for it in found)
    assert {"http-check expect status 200", "timeout check 5s"} < set(found)
    plain = replace(BLUE, protocol="HTTP", check=replace(CHECK, protocol="HTTP", port=8081, codes="200-299,301"))
    found = lines(balancer(Rule((), forward(blue=1)), groups=(plain,)))
    check = "check no-check-ssl port 8081 inter 10s rise 2 fall 3"
    assert f"server 10.20.1.4:443 10.20.1.4:443 {check}" in found and "http-check expect status 200-299,301" in found
    unchecked = lines(balancer(Rule((), forward(blue=1)), groups=(replace(BLUE, check=None),)))
    assert not [it for it in unchecked if "check" in it]


def test_requests_in_flight_have_the_longest_deregistration_delay() -> None:
    assert "hard-stop-after 60s" in lines(balancer())


def test_a_group_without_targets_is_a_503_and_weight_0_gets_nothing() -> None:
    found = lines(balancer(Rule((), forward(blue=90, green=10))))
    first = "http-request set-var(txn.draw) rand(100) if !{ var(txn.group) -m found }"
    start = found.index(first)
    when = "if !{ var(txn.group) -m found }"
    assert found[start + 1 : start + 3] == [
        f"http-request set-var(txn.group) str(blue) {when} {{ var(txn.draw) -m int lt 90 }}",
        f"http-request return status 503 {when} {{ var(txn.draw) -m int lt 100 }}",
    ]
    assert "return status 503" not in haproxy.config(balancer(Rule((), forward(blue=100, green=0))))
    assert f"http-request return status 503 {when}" in lines(balancer(Rule((), forward(blue=0, green=0))))
    assert "backend green" not in haproxy.config(balancer(Rule((), forward(blue=90, green=10))))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
            r"{ req.hdr(host),field(1,:) -m reg -i '^.*\.example\.com$' }",
        ),
        ({"Field": "path-pattern", "Values": ["/v?/*"]}, "{ path -m reg '^/v./.*$' }"),
        (
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Tier", "Values": ["gold", "b'"]}},
            r"{ req.hdr(X-Tier) -m reg -i '^gold$' '^b'\''$' }",
        ),
        (
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
            "{ method GET HEAD }",
        ),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "{ src 10.0.0.0/8 }"),
    ],
)
def test_a_condition_becomes_an_acl(given: Mapping[str, Any], text: str) -> None:
    assert haproxy.condition(given) == text


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (Rule(({"Field": "query-string"},), GONE), "query-string"),
        (Rule((), {"Type": "authenticate-oidc"}), "authenticate-oidc"),
        (
            Rule((), {"Type": "forward", "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": "blue-arn"}], "TargetGroupStickinessConfig": {"Enabled": "true"},
            }}),
            "stickiness",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_named(rule: Rule, word: str) -> None:
    with pytest.raises(shell.Failed, match=word):
        haproxy.config(balancer(rule))


def test_a_reload_keeps_what_the_checks_saw_and_a_new_target_is_down() -> None:
    before = haproxy.states(balancer(groups=(replace(BLUE, targets=BLUE.targets[:1]),)), ())
    (known,) = [line.replace(" 0 0 1 1 ", " 2 0 1 1 ", 1) for line in before.splitlines()[2:]]
    after = haproxy.states(balancer(), ["1", "# be_id …", known, ""]).splitlines()[2:]
    assert after[0] == known
    assert after[1].split()[1:6] == ["blue", "2", "10.20.1.5:443", "10.20.1.5", "0"]


class Played:
    """HAProxy as a process of this machine, and targets that it may reach."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
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
        text = haproxy.config(it).replace(haproxy.FOLDER, str(self.folder))
        for port in (haproxy.STATS_PORT, haproxy.CONTROL_PORT):
            text = text.replace(f":{port}", f":{free_port()}")
        (self.folder / "haproxy.cfg").write_text(text)
        (self.folder / "502.http").write_text(haproxy.BAD_GATEWAY, newline="")
        (self.folder / haproxy.STATES).write_text(haproxy.states(it, ()))
        self.process = subprocess.Popen(
            ["haproxy", "-db", "-f", str(self.folder / "haproxy.cfg")], stdout=subprocess.DEVNULL
        )
        shell.wait_for("HAProxy", lambda: bool(socket.create_connection(("127.0.0.1", self.port), 1)), 10)

    def get(self, path: str, **headers: str) -> tuple[int, str, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Location")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(timeout=10)
        for server in self.servers:
            server.shutdown()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    if shutil.which("haproxy") is None:
        pytest.skip("There is no haproxy on this machine; the step `balancer` of a rehearsal tests the same.")
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
