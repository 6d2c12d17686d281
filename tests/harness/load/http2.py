"""
As much of HTTP/2 (RFC 9113) as a load needs: requests side by side on one connection, their statuses, nothing else.

We allow the peer no dynamic table (SETTINGS_HEADER_TABLE_SIZE 0), so a header block is read without keeping state, and
what we send is literal and unindexed (RFC 7541, 6.2.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, INITIAL_WINDOW = 1, 2, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 2**30
# RFC 7541, appendix A: the static table's entries of :status.
STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}


class Broken(OSError):
    """The connection, or a stream of it, ended before its answer did."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(headers: dict[str, str]) -> bytes:
    """Names and values shorter than 127 bytes."""
    parts = [
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in headers.items()
    ]
    return b"".join(parts)


def status_of(block: bytes) -> int:
    """:status is a response's first field (RFC 9113, 8.3); 0 when it is said in a way that we do not read."""
    while block and block[0] & 0xE0 == 0x20:
        block = block[1:]
    if block and block[0] & 0x80:
        return STATUSES.get(block[0] & 0x7F, 0)
    if len(block) >= 5 and block[0] in (0x08, 0x18, 0x48) and block[1] == 3 and block[2:5].isdigit():
        return int(block[2:5])
    return 0


@dataclass
class Session:
    """One connection. `request` returns the status; raises OSError."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    window: int = 65535
    stream_window: int = 65535
    next_id: int = 1
    taken: int = 0
    closed: bool = False
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    room: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    @classmethod
    def start(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Session:
        session = cls(reader, writer)
        settings = ((HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (INITIAL_WINDOW, WINDOW))
        payload = b"".join(struct.pack(">HI", *pair) for pair in settings)
        writer.write(PREFACE + frame(SETTINGS, 0, 0, payload) + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW)))
        session.task = asyncio.create_task(session._read())
        return session

    async def request(self, headers: dict[str, str], body: bytes) -> int:
        """`body`: one frame, so at most 16,384 bytes."""
        if self.closed:
            raise Broken("the connection is closed")
        if self.stream_window < len(body):
            raise Broken(f"a body of {len(body)} bytes is more than the peer's window")
        async with self.room:
            await self.room.wait_for(lambda: self.closed or self.window >= len(body))
            if self.closed:
                raise Broken("the connection is closed")
            self.window -= len(body)
            number, self.next_id = self.next_id, self.next_id + 2
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self.waiting[number] = answer
            self.writer.write(
                frame(HEADERS, END_HEADERS, number, header_block(headers)) + frame(DATA, END_STREAM, number, body)
            )
        try:
            return await answer
        finally:
            self.waiting.pop(number, None)

    async def close(self) -> None:
        self.writer.close()
        if self.task:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def _read(self) -> None:
        cause = Broken("the peer closed the connection")
        try:
            while True:
                head = await self.reader.readexactly(9)
                length = int.from_bytes(head[:3])
                kind, flags, number = head[3], head[4], int.from_bytes(head[5:9]) & 0x7FFFFFFF
                await self._handle(kind, flags, number, await self.reader.readexactly(length))
        except (OSError, EOFError) as error:
            cause = Broken(f"{type(error).__name__}: {error}")
        finally:
            self.closed = True
            for answer in self.waiting.values():
                if not answer.done():
                    answer.set_exception(cause)
            async with self.room:
                self.room.notify_all()

    async def _handle(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, at)
                if name == INITIAL_WINDOW:
                    self.stream_window = value
            self.writer.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.writer.write(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and number == 0:
            async with self.room:
                self.window += int.from_bytes(payload) & 0x7FFFFFFF
                self.room.notify_all()
        elif kind == HEADERS:
            block = payload[1:] if flags & PADDED else payload
            # Trailers come after the status, and informational statuses before it.
            status = status_of(block[5:] if flags & PRIORITY else block)
            if self.statuses.get(number, 100) < 200:
                self.statuses[number] = status
        elif kind == DATA:
            self.taken += len(payload)
            if self.taken > WINDOW // 2:
                self.writer.write(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", self.taken)))
                self.taken = 0
        elif kind == RST_STREAM:
            self._fail(number, f"the stream was reset: code {int.from_bytes(payload)}")
        elif kind == GOAWAY:
            # Streams up to the last one that the peer has seen are still answered.
            self.closed = True
            last = int.from_bytes(payload[:4]) & 0x7FFFFFFF
            for other in [it for it in self.waiting if it > last]:
                self._fail(other, "the peer goes away and has not seen this request")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            answer = self.waiting.get(number)
            status = self.statuses.pop(number, 0)
            if answer and not answer.done():
                answer.set_result(status)

    def _fail(self, number: int, why: str) -> None:
        answer = self.waiting.get(number)
        if answer and not answer.done():
            answer.set_exception(Broken(why))
