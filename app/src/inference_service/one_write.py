"""Answers leave in one write: head and body together.

uvicorn writes them one after the other. A process that is killed between the two has begun an answer that nobody can
finish, and the edge cannot ask the other release any more. It also saves a system call.
"""

import asyncio
from typing import Any

import uvicorn


class OneWrite:
    """A transport that keeps what is written until the next write, or until the turn of the event loop ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._kept = b""
        self._call_soon = asyncio.get_running_loop().call_soon

    def write(self, data: bytes) -> None:
        if self._kept:
            data, self._kept = self._kept + data, b""
            self._transport.write(data)
        else:
            self._kept = data
            self._call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._kept:
            data, self._kept = self._kept, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def in_one_write(config: uvicorn.Config) -> uvicorn.Config:
    """The same configuration, whose connections write to such a transport."""
    config.load()
    protocol_class = config.http_protocol_class

    def protocol(**arguments: Any) -> asyncio.Protocol:
        made = protocol_class(**arguments)
        connect = made.connection_made
        made.connection_made = lambda transport: connect(OneWrite(transport))  # type: ignore
        return made

    config.http_protocol_class = protocol  # type: ignore[assignment]
    return config
