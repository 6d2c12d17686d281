"""What a slot is asked over HTTP, with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from releasectl.edge.http import ask_port


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = "\n".join(f"{name.lower()}: {value}" for name, value in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests are silent."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_headers_that_are_asked_for_are_sent_and_take_the_place_of_ours(port: int) -> None:
    reply = ask_port(port, "POST", "/", {"a": 1}, 5, {"X-Api-Key": "k", "content-type": "application/x-own"})
    lines = reply.body.splitlines()
    assert "x-api-key: k" in lines
    assert [line for line in lines if line.startswith("content-type")] == ["content-type: application/x-own"]
    assert "accept: application/json" in lines and "content-length: 8" in lines
