"""Whether port 80 of a name leads to this host."""

from __future__ import annotations

import socket

import pytest
from releasectl.edge import acme_probe
from releasectl.edge.acme_probe import problem, serve
from releasectl.model.errors import Code, Failure

from .certificates import DNS, HTTP, settings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_name_that_leads_here_has_no_problem() -> None:
    server = serve(free_port(), "token")
    assert problem("localhost", "token", 2, server.server_port) is None


def test_another_answer_than_a_challenge_is_named() -> None:
    server = serve(free_port(), "another")
    text = problem("localhost", "token", 2, server.server_port)
    assert text and "answers 404 for a challenge" in text and "edge_acme_port" in text
    assert "(127.0.0.1" in text, "the addresses that it resolves to"


def test_another_host_that_answers_everything_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(free_port(), "token")
    monkeypatch.setattr(acme_probe, "PREFIX", acme_probe.PREFIX)
    assert server.RequestHandlerClass is not None

    def do_GET(self: object) -> None:
        self.send_response(200)  # type: ignore[attr-defined]
        self.end_headers()  # type: ignore[attr-defined]
        self.wfile.write(b"Welcome")  # type: ignore[attr-defined]

    monkeypatch.setattr(server.RequestHandlerClass, "do_GET", do_GET)
    text = problem("localhost", "token", 2, server.server_port)
    assert text and text.endswith("is answered by something other than this host")


def test_a_closed_port_is_named() -> None:
    text = problem("localhost", "token", 2, free_port())
    assert text and "could not be reached within 2 s" in text and "systemctl status haproxy" in text


def test_a_name_without_a_record_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "none.example.com does not resolve" in str(problem("none.example.com", "token", 2))


def test_every_name_with_a_problem_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"a.example.com": "one", "c.example.com": "two"}
    monkeypatch.setattr(acme_probe, "problem", lambda name, token, timeout_s: wrong.get(name))
    names = ["a.example.com", "b.example.com", "c.example.com"]
    given = settings(domains=names, renewal={**HTTP, "http01_port": str(free_port())})
    with pytest.raises(Failure) as raised:
        acme_probe.probe(given)
    assert raised.value.cause == "No certificate was requested: one.\nNo certificate was requested: two."
    assert "--tags tls" in str(raised.value.hint)
    monkeypatch.setattr(acme_probe, "problem", lambda *_: None)
    acme_probe.probe(given)
    # The port is released.
    acme_probe.probe(given)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Failure, match=f"Failed to listen on 127.0.0.1:{port}") as raised:
            acme_probe.probe(settings(renewal={**HTTP, "http01_port": str(port)}))
    assert f"ss -ltnp 'sport = :{port}'" in str(raised.value.hint)


def test_a_challenge_by_dns_is_refused() -> None:
    with pytest.raises(Failure, match="dns-route53") as raised:
        acme_probe.probe(settings(renewal=DNS))
    assert raised.value.code == Code.USAGE
