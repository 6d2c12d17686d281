"""The application behind a socket, and connections to it that send bytes as they please."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import uvicorn

from inference_service.model import Outcome

if TYPE_CHECKING:
    from .conftest import Client

TIMEOUT_S = 5.0


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not happened():  # noqa: ASYNC110 (what we wait for has no event)
            await asyncio.sleep(0.005)


class Held:
    """In the batcher's place: keeps who asks until the test answers."""

    queued_rows = 0

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Outcome]] = []

    def admit(self) -> None:
        pass

    def submit(self, buffer: bytes, rows: int, started: float) -> asyncio.Future[Outcome]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    async def asked(self) -> asyncio.Future[Outcome]:
        await until(lambda: self.waiting)
        return self.waiting.pop()


class Connection:
    """Bytes to the service and its answers back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            # The service reads each by itself.
            await asyncio.sleep(0.02)

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        async with asyncio.timeout(TIMEOUT_S):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(lines[0].split()[1]), headers, json.loads(body) if body else None

    async def closed(self) -> bool:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.reader.read(1) == b""


class Listening:
    """The application behind a socket."""

    def __init__(self, client: Client, server: uvicorn.Server) -> None:
        self.client, self.app, self.server = client, client.app, server
        self.port: int = server.servers[0].sockets[0].getsockname()[1]
        self.connections: list[Connection] = []

    async def connect(self) -> Connection:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.port))
        self.connections.append(connection)
        return connection

    async def close(self) -> None:
        for connection in self.connections:
            connection.writer.close()
        self.server.should_exit = True

    def hold(self) -> Held:
        held = Held()
        self.app.service.batcher = held  # type: ignore[assignment]
        return held


Listen = Callable[..., AbstractAsyncContextManager[Listening]]


def post(body: Any, *headers: str, path: str = "/predict", version: str = "1.1") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content
