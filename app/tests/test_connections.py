"""Requests as connections bring them: in pieces, several at once, from clients that leave, during a stop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tracemalloc

import pytest
from uvicorn.server import ServerState

from inference_service.__main__ import configuration

from .connections import Listen, post, until


class Recorder(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("kept", [True, False])
async def test_an_answer_leaves_in_one_write(listening: Listen, row: list[float], kept: bool) -> None:
    """A process that is killed has answered or it has not, so that the edge can ask the other release."""
    async with listening() as service:
        config = configuration(service.app, service.app.settings)
        arguments = {"config": config, "server_state": ServerState(), "app_state": {}}
        protocol, transport = config.http_protocol_class(**arguments), Recorder()
        protocol.connection_made(transport)
        protocol.data_received(post({"instances": [row]}, *([] if kept else ["Connection: close"])))
        await until(lambda: transport.writes)
        (answer,) = transport.writes
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert len(json.loads(body)["predictions"]) == 1
        assert transport.closed is not kept
        protocol.connection_lost(None)


async def test_a_request_in_pieces_is_answered_like_a_whole_one(listening: Listen, row: list[float]) -> None:
    mine, key = "X-Request-Id: mine", "X-Api-Key: secret"
    cases = [
        (post({"instances": [row]}, mine, key), 200),
        (post({"instances": [row, row]}, mine, key), 200),
        (post({"instances": [row]}, mine, key, "Connection: close"), 200),
        (post({"instances": [row]}, mine), 401),
        (post({"instances": [row[1:]]}, mine, key), 422),
        (post(b"{", mine, key), 400),
        (post(b" " * 9000, mine, key), 413),
    ]
    hashes = hashlib.sha256(b"secret").hexdigest()
    async with listening(max_body_bytes=8192, api_key_sha256=hashes) as service:
        for request, status in cases:
            answers = []
            for pieces in ([request], [request[:-1], request[-1:]]):
                connection = await service.connect()
                await connection.send(*pieces)
                code, headers, body = await connection.answer()
                if headers.get("connection") == "close":
                    assert await connection.closed()
                if "mine" not in headers["x-request-id"]:
                    del headers["x-request-id"]
                    if status != 200:
                        del body["error"]["request_id"]
                # Its length is the same; the second may have changed.
                headers["date"] = str(len(headers["date"]))
                answers.append((code, headers, body))
                connection.writer.close()
            assert answers[0] == answers[1]
            assert answers[0][0] == status
        lines = [line for line in service.client.lines() if line["message"] == "request"]
        assert [line["status"] for line in lines] == [status for _, status in cases for _ in "12"]
        assert service.app.service.metrics.in_flight == 0


async def test_requests_sent_at_once_are_answered_in_their_order(listening: Listen, row: list[float]) -> None:
    async with listening() as service:
        connection = await service.connect()
        requests = [post({"instances": [row] * count}, f"X-Request-Id: {count}") for count in (1, 2, 3)]
        health = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: h\r\n\r\n"
        await connection.send(requests[0] + requests[1] + health + requests[2] + requests[0])
        answers = [await connection.answer() for _ in range(5)]
        assert [headers["x-request-id"] for _, headers, _ in answers] == ["1", "2", "h", "3", "1"]
        assert [len(body.get("predictions", [])) for _, _, body in answers] == [1, 2, 0, 3, 1]
        # The connection is as good as before.
        await connection.send(requests[1])
        assert (await connection.answer())[0] == 200


async def test_a_request_waits_for_the_answer_to_the_one_before(listening: Listen, row: list[float]) -> None:
    async with listening() as service:
        held = service.hold()
        connection = await service.connect()
        await connection.send(post({"instances": [row]}) + post({"instances": [row]}))
        await until(lambda: held.waiting)
        assert len(held.waiting) == 1
        for number in range(2):
            (await held.asked()).set_result(([number], [0.5]))
            labels = [one["label"] for one in (await connection.answer())[2]["predictions"]]
            assert labels == [["malignant", "benign"][number]]


async def test_queries_and_clients_that_expect_or_close_are_answered(listening: Listen, row: list[float]) -> None:
    body = {"instances": [row]}
    async with listening() as service:
        connection = await service.connect()
        await connection.send(post(body, path="/predict?x=1"))
        assert (await connection.answer())[0] == 200
        whole = post(body, "Expect: 100-continue")
        head = whole[: whole.index(b"\r\n\r\n") + 4]
        await connection.send(head)
        assert (await connection.answer())[0] == 100
        await connection.send(whole[len(head) :])
        assert (await connection.answer())[0] == 200
        await connection.send(post(body, version="1.0"))
        assert (await connection.answer())[1]["connection"] == "close"
        assert await connection.closed()


async def test_a_body_in_chunks_that_came_together_is_whole(listening: Listen, row: list[float]) -> None:
    content = json.dumps({"instances": [row]}).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (content[:10], content[10:]))
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with listening() as service:
        connection = await service.connect()
        await connection.send(head + chunks + b"0\r\n\r\n")
        assert (await connection.answer())[0] == 200
        await connection.send(head + b"5\r\n[1,2,\r\nno length\r\n")
        assert await connection.reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
        assert service.app.service.metrics.in_flight == 0


async def test_a_client_that_leaves_is_no_error(listening: Listen, row: list[float]) -> None:
    async with listening() as service:
        held = service.hold()
        connection, slow = await service.connect(), await service.connect()
        await connection.send(post({"instances": [row]}))
        await slow.send(post({"instances": [row]})[:-1])
        asked = await held.asked()
        await until(lambda: service.app.service.metrics.in_flight == 2)
        for each in (connection, slow):
            each.writer.close()
        # The one is noted while its body is read; the other's answer finds nobody.
        await until(lambda: service.app.service.metrics.in_flight == 1)
        asked.set_result(([0], [0.75]))
        await until(lambda: service.app.service.metrics.in_flight == 0)
        lines = [line for line in service.client.lines() if line["message"] == "request"]
        assert [(line["status"], line["rows"]) for line in lines] == [(499, 0), (200, 1)]
        assert [line for line in service.client.lines() if line["level"] == "error"] == []
        assert service.app.service.metrics.in_flight == 0


async def test_a_stop_waits_for_the_answer_and_closes_after_it(listening: Listen, row: list[float]) -> None:
    async with listening() as service:
        held = service.hold()
        connection, idle = await service.connect(), await service.connect()
        await connection.send(post({"instances": [row]}))
        asked = await held.asked()
        service.server.should_exit = True
        assert await idle.closed()
        asked.set_result(([0], [0.75]))
        status, headers, body = await connection.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert body["predictions"] == [{"label": "malignant", "probability": 0.75}]
        assert await connection.closed()


async def test_idle_connections_are_closed_and_busy_ones_are_not(listening: Listen, row: list[float]) -> None:
    async with listening(keep_alive_s=2) as service:
        connection = await service.connect()
        for _ in range(3):
            await connection.send(post({"instances": [row]}))
            assert (await connection.answer())[0] == 200
            await asyncio.sleep(0.8)
        assert await connection.closed()


@pytest.mark.parametrize("path", ["/predict", "/v2/models/breast-cancer/infer"])
async def test_an_idle_connection_keeps_nothing_of_its_last_request(
    listening: Listen, row: list[float], path: str
) -> None:
    tensor = {"name": "features", "shape": [100, len(row)], "datatype": "FP64", "data": row * 100}
    request = post({"inputs": [tensor]} if path.endswith("infer") else {"instances": [row] * 100}, path=path)
    async with listening() as service:
        await (await service.connect()).send(request)
        connections = [await service.connect() for _ in range(20)]
        tracemalloc.start()
        try:
            for connection in connections:
                await connection.send(request)
                assert (await connection.answer())[0] == 200
            grown = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert grown < len(connections) * len(request) / 2
