"""The HTTP client (startup/http_client.py) against servers that answer in every way there is, byte for byte."""

from __future__ import annotations

import socket
import time

import pytest
from releasectl.startup import http_client as http
from releasectl.startup.http_client import Reply

from .http_server import server


@pytest.mark.parametrize(
    "answer, wanted",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", Reply(200, "ok")),
        (b"HTTP/1.0 503 Busy\r\n\r\nlater", Reply(503, "later")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Reply(204, "")),
        (
            b"HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n3;a\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            Reply(200, "abcde"),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Reply(200, "ok")),
        (b"HTTP/1.1 200 OK\nContent-Length: 3\n\n\xc3\xa9!", Reply(200, "é!")),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_answers(answer: bytes, wanted: Reply, split: bool) -> None:
    pieces = [answer[at : at + 1] for at in range(len(answer))] if split else [answer]
    with server(*pieces) as (port, _):
        assert http.ask_port(port, "GET", "/ready", None, 5) == wanted


@pytest.mark.parametrize(
    "answer, words",
    [
        (b"", "nothing was answered"),
        (b"HTTP/1.1 200 OK\r\nContent-", "closed before the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "closed before the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not the size of a chunk"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1"),
        (b"x" * 70_000, "a line without an end"),
    ],
)
def test_what_is_no_answer_says_why(answer: bytes, words: str) -> None:
    with server(answer) as (port, _):
        reply = http.ask_port(port, "GET", "/ready", None, 5)
    assert reply.status == 0 and words in reply.body


def test_a_deadline_counts_for_the_whole_exchange() -> None:
    with server(*[b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 40], pause_s=0.05) as (port, _):
        begin = time.monotonic()
        reply = http.ask_port(port, "GET", "/ready", None, 0.3)
        assert reply == Reply(0, "no answer within 0.3 s")
        assert time.monotonic() - begin < 1.5


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = http.ask_port(port, "GET", "/ready", None, 5)
    assert reply.status == 0 and "refused" in reply.body


def test_a_body_goes_as_json_with_its_length() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        assert http.ask_port(port, "POST", "/predict", {"a": [1]}, 5).status == 200
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert body == b'{"a": [1]}'
    assert head.startswith(b"POST /predict HTTP/1.1\r\n") and b"Content-Length: 10" in head


def test_what_is_longer_than_the_limit_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_LIMIT", 10)
    for head in (b"Content-Length: 20\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n14\r\n"):
        with server(b"HTTP/1.1 200 OK\r\n" + head + b"a" * 20, stay_s=0.2) as (port, _):
            assert http.ask_port(port, "GET", "/", None, 5) == Reply(200, "a" * 10)


def test_headers_that_are_asked_for_are_sent_and_take_the_place_of_ours() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        http.ask_port(port, "POST", "/", {"a": 1}, 5, {"X-Api-Key": "k", "content-type": "application/x-own"})
    lines = asked[0].lower().split(b"\r\n")
    assert b"x-api-key: k" in lines and b"accept: application/json" in lines and b"content-length: 8" in lines
    assert [line for line in lines if line.startswith(b"content-type")] == [b"content-type: application/x-own"]
