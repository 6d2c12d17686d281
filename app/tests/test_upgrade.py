"""Offers of another protocol are not taken. uvicorn reads neither the body of such a request nor what follows it: the
answer is one of HTTP/1.1 and ends the connection, and a prediction is refused.
"""

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
]
# Both headers make an offer.
HALVES: list[tuple[str, ...]] = [("Connection: Upgrade",), ("Upgrade: h2c",)]


def chunked(body: Any, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = ["POST /predict HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", *headers, "", ""]
    parts = [content[at : at + 50] for at in range(0, len(content), 50)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return "\r\n".join(lines).encode() + chunks + b"0\r\n\r\n"


def parts(request: bytes) -> list[list[bytes]]:
    """A request in one piece, and split before, in and after the end of its head."""
    end = request.index(b"\r\n\r\n") + 4
    return [
        [request],
        [request[:end], request[end:]],
        [request[: end + 20], request[end + 20 :]],
        [request[:30], request[30 : end - 10], request[end - 10 :]],
    ]


@pytest.mark.parametrize("half", HALVES, ids=lambda offer: offer[-1])
async def test_half_an_offer_is_none(listening: Listen, row: list[float], half: tuple[str, ...]) -> None:
    small, large = {"instances": [row]}, {"instances": [row] * 100}
    async with listening() as service:
        for make in (post, chunked):
            for body, rows in ((small, 1), (large, 100)):
                for pieces in parts(make(body, *half)):
                    connection = await service.connect()
                    await connection.send(*pieces)
                    status, headers, answer = await connection.answer()
                    assert (status, len(answer["predictions"])) == (200, rows)
                    assert "upgrade" not in headers
                    await connection.send(post(small))
                    assert (await connection.answer())[0] == 200
                    connection.writer.close()


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer[-1])
async def test_a_prediction_with_an_offer_is_refused_and_what_follows_it_is_never_read(
    listening: Listen, row: list[float], offer: tuple[str, ...]
) -> None:
    # A body that is a request itself: were it taken for one, its answer would be somebody else's.
    body = post({"instances": [row]}, "X-Request-Id: hidden")
    async with listening() as service:
        for make in (post, chunked):
            for pieces in parts(make(body if make is post else {"instances": [row]}, *offer)):
                connection = await service.connect()
                await connection.send(*pieces)
                status, headers, answer = await connection.answer()
                assert (status, headers["connection"]) == (400, "close")
                assert answer["error"]["code"] == "upgrade_not_supported"
                assert await connection.closed()
        lines = service.client.lines()
        assert [line for line in lines if line["level"] == "error"] == []
        assert "hidden" not in {line.get("request_id") for line in lines}


async def test_other_requests_with_an_offer_are_answered_and_end_the_connection(listening: Listen) -> None:
    async with listening() as service:
        for target, status in (("/health", 200), ("/ready", 200), ("/nothing", 404)):
            for offer in OFFERS:
                connection = await service.connect()
                await connection.send("\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *offer, "", ""]).encode())
                found, headers, _ = await connection.answer()
                assert (found, headers["connection"]) == (status, "close")
                assert await connection.closed()


async def test_what_is_wrong_with_a_request_stays_wrong_with_an_offer(listening: Listen, row: list[float]) -> None:
    async with listening(max_body_bytes=8192) as service:
        for request, status in (
            (post(b"{", *H2C), 400),
            (post({"instances": [row]}, *H2C, path="/predict/"), 404),
            (b"CONNECT /predict HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            # Two lengths, one of them in disguise.
            (chunked({"instances": [row]}, *H2C, "Content-Length: 5"), 400),
        ):
            connection = await service.connect()
            await connection.send(request)
            assert f" {status} ".encode() in await connection.reader.readline(), request[:40]
