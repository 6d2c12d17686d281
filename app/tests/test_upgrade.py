"""Offers of another protocol are not taken: the request is answered as the HTTP/1.1 that it is, with its body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .connections import Listen, post

H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
OFFERS: list[tuple[str, ...]] = [
    H2C,
    ("upgrade: h2c", "connection: upgrade"),
    ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", "Sec-WebSocket-Version: 13"),
    ("Connection: keep-alive, Upgrade", "Upgrade: TLS/1.2, tomorrow/2"),
    ("Connection: Upgrade",),
    ("Upgrade: h2c",),
]


def chunked(body: Any, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = ["POST /predict HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *headers, "", ""]
    parts = [content[at : at + 50] for at in range(0, len(content), 50)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return "\r\n".join(lines).encode() + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer[-1])
async def test_a_request_that_offers_another_protocol_keeps_its_body(
    listening: Listen, row: list[float], offer: tuple[str, ...]
) -> None:
    small, large = {"instances": [row]}, {"instances": [row] * 100}
    async with listening() as service:
        for make in (post, chunked):
            for body, rows in ((small, 1), (large, 100)):
                request = make(body, *offer)
                middle = request.index(b"\r\n\r\n")
                for pieces in (
                    [request],
                    [request[: middle + 4], request[middle + 4 :]],
                    [request[: middle + 20], request[middle + 20 :]],
                    [request[:30], request[30 : middle - 10], request[middle - 10 :]],
                ):
                    connection = await service.connect()
                    await connection.send(*pieces)
                    status, headers, answer = await connection.answer()
                    assert (status, len(answer["predictions"])) == (200, rows)
                    assert "upgrade" not in headers
                    # It stays one of HTTP/1.1.
                    await connection.send(post(small))
                    assert (await connection.answer())[0] == 200
                    connection.writer.close()
        assert [line for line in service.client.lines() if line["level"] == "error"] == []


async def test_other_requests_with_an_offer_are_answered_in_their_order(listening: Listen, row: list[float]) -> None:
    def get(path: str, *headers: str) -> bytes:
        return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()

    body = {"instances": [row]}
    async with listening() as service:
        connection = await service.connect()
        one, two = post(body, *H2C, "X-Request-Id: 1"), post(body, "X-Request-Id: 2")
        await connection.send(one + get("/health", *OFFERS[2], "X-Request-Id: h") + two + one + get("/nothing", *H2C))
        answers = [await connection.answer() for _ in range(5)]
        assert [headers["x-request-id"] for _, headers, _ in answers[:4]] == ["1", "h", "2", "1"]
        assert [status for status, _, _ in answers] == [200, 200, 200, 200, 404]
        await connection.send(get("/health", *H2C) * 500)
        for _ in range(500):
            assert (await connection.answer())[0] == 200


async def test_what_is_wrong_with_a_request_stays_wrong_with_an_offer(listening: Listen, row: list[float]) -> None:
    async with listening(max_body_bytes=8192) as service:
        for request, status in (
            (post(b"{", *H2C), 400),
            (post({"instances": [row]}, *H2C, "Content-Type: text/csv"), 415),
            (post(b" " * 9000, *H2C), 413),
            (post({"instances": [row]}, *H2C, path="/predict/"), 404),
            (b"CONNECT /predict HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ):
            connection = await service.connect()
            await connection.send(request)
            assert (await connection.answer())[0] == status, request[:40]
        # Two lengths, one of them in disguise.
        connection = await service.connect()
        await connection.send(chunked({"instances": [row]}, *H2C, "Content-Length: 5"))
        assert b" 400 " in await connection.reader.readline()
        expecting = post({"instances": [row]}, *H2C, "Expect: 100-continue")
        end = expecting.index(b"\r\n\r\n") + 4
        connection = await service.connect()
        await connection.send(expecting[:end])
        assert (await connection.answer())[0] == 100
        await connection.send(expecting[end:])
        assert (await connection.answer())[0] == 200
