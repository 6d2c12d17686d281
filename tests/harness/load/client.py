"""
One kind of client, in a process of its own: python -m tests.harness.load.client '{"stream": {…}, …}' sends until its
standard input ends, then lets what is in flight end and writes every sample to a file.

Open loop: requests are due at times drawn beforehand (Poisson), whatever the answers do, and a latency counts from when
the request was due: a slow answer hides nothing (no coordinated omission). Closed loop: each client waits for its
answer, then thinks.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import ssl
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.load.http2 import Session

TIMEOUT_S = 10.0
CONNECTIONS_H2 = 2
# Whoever started us may be gone: no load goes on for longer than this.
LONGEST_S = 3600.0


@dataclass(frozen=True)
class Stream:
    name: str
    loop: str  # open | closed
    keep: bool  # one connection for many requests, or a new one for each
    http2: bool
    rate: float  # requests per second of all clients together; of a closed loop: when answers take no time
    clients: int = 4  # of a closed loop
    slow_s: float = 0.0  # how long a request's body takes on its way (HTTP/1.1)


class Http1:
    """One connection. `request` returns the status; raises OSError, EOFError, ValueError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.keep = True

    @property
    def closed(self) -> bool:
        return not self.keep or self.reader.at_eof() or self.writer.is_closing()

    async def request(self, head: bytes, body: bytes, slow_s: float = 0.0) -> int:
        first = body[:1] if slow_s else body
        self.writer.write(head + first)
        if slow_s:
            await asyncio.sleep(slow_s)
            self.writer.write(body[1:])
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                await self.reader.readexactly(size + 2)
            await self.reader.readexactly(2)
        else:
            await self.reader.readexactly(int(headers.get("content-length", 0)))
        self.keep = headers.get("connection") != "close"
        return int(lines[0].split()[1])

    async def close(self) -> None:
        self.writer.close()


class Client:
    def __init__(self, stream: Stream, host: str, path: str, body: bytes, ca_file: str) -> None:
        self.stream, self.host, self.path, self.body = stream, host, path, body
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.tls.set_alpn_protocols(["h2" if stream.http2 else "http/1.1"])
        # (at, seconds, status, error) of a measure.Sample; tuples, for these cost the collector of garbage nothing.
        self.samples: list[tuple[float, float, int, str]] = []
        self.stop = asyncio.Event()
        self.idle: list[Http1] = []
        self.sessions: list[Session] = []
        self.dialing = asyncio.Lock()
        self.epoch = time.time() - time.perf_counter()
        close = "" if stream.keep else "Connection: close\r\n"
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{close}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        self.headers = {
            ":method": "POST", ":scheme": "https", ":authority": host, ":path": path,
            "content-type": "application/json", "content-length": str(len(body)),
        }  # fmt: skip

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, 443, ssl=self.tls, server_hostname=self.host)

    async def one1(self) -> int:
        # The one that was used last: those that are idle for long are closed by the edge.
        while self.idle and self.idle[-1].closed:
            await self.idle.pop().close()
        connection = self.idle.pop() if self.idle else Http1(*await self.dial())
        try:
            status = await connection.request(self.head, self.body, self.stream.slow_s)
        except BaseException:
            await connection.close()
            raise
        if self.stream.keep and not connection.closed:
            self.idle.append(connection)
        else:
            await connection.close()
        return status

    async def one2(self) -> int:
        if not self.stream.keep:
            session = Session.start(*await self.dial())
            try:
                return await session.request(self.headers, self.body)
            finally:
                await session.close()
        async with self.dialing:
            self.sessions = [it for it in self.sessions if not it.closed]
            while len(self.sessions) < CONNECTIONS_H2:
                self.sessions.append(Session.start(*await self.dial()))
            session = min(self.sessions, key=lambda it: len(it.waiting))
        return await session.request(self.headers, self.body)

    async def sample(self, due: float) -> None:
        one: Callable[[], Awaitable[int]] = self.one2 if self.stream.http2 else self.one1
        status, error = 0, ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await one()
        except (OSError, EOFError, ValueError, TimeoutError) as trouble:
            error = f"{type(trouble).__name__}: {trouble}"
        self.samples.append((self.epoch + due, time.perf_counter() - due, status, error))

    async def open_loop(self) -> None:
        draw, due = random.Random(self.stream.name), time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        while not self.stop.is_set():
            due += draw.expovariate(self.stream.rate)
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            task = asyncio.create_task(self.sample(due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def closed_loop(self) -> None:
        think = self.stream.clients / self.stream.rate

        async def client() -> None:
            await asyncio.sleep(random.random() * think)
            while not self.stop.is_set():
                await self.sample(time.perf_counter())
                await asyncio.sleep(think)

        await asyncio.gather(*(client() for _ in range(self.stream.clients)))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(LONGEST_S, self.stop.set)
        threading.Thread(
            target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(self.stop.set)), daemon=True
        ).start()
        await (self.open_loop() if self.stream.loop == "open" else self.closed_loop())


def main(given: dict[str, Any]) -> None:
    async def go() -> Client:
        stream = Stream(**given["stream"])
        client = Client(stream, given["host"], given["path"], given["body"].encode(), given["ca_file"])
        await client.run()
        return client

    # A long collection would be a pause of our own making in somebody's latency.
    gc.freeze()
    Path(given["out"]).write_text(json.dumps(asyncio.run(go()).samples))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
