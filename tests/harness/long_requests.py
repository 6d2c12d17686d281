"""Clients that stay for long: a stream, a websocket, a slow upload. Each says who answered it, and how it ended."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from typing import Self

from tests.harness import lab

TIMEOUT_S = 30.0


class Client(threading.Thread):
    """One connection through the front door; `head` and `talk` are its kind's."""

    def __init__(self, head: str) -> None:
        super().__init__(daemon=True)
        self.heard, self.ended_at, self.problem = b"", 0.0, ""
        self.stop = threading.Event()
        tls = ssl.create_default_context(cafile=str(lab.ROOTS))
        tcp = socket.create_connection((lab.NAME, 443), timeout=TIMEOUT_S)
        self.tls = tls.wrap_socket(tcp, server_hostname=lab.NAME)
        self.tls.sendall(f"{head}\r\nHost: {lab.NAME}\r\n".encode())

    def run(self) -> None:
        try:
            with self.tls:
                self.talk()
        except (OSError, EOFError) as trouble:
            self.problem = f"{type(trouble).__name__}: {trouble}"
        self.ended_at = time.monotonic()

    def talk(self) -> None:
        raise NotImplementedError

    def hear(self, end: bytes) -> None:
        """Until what has been heard ends like this."""
        while not self.heard.endswith(end):
            said = self.tls.recv(4096)
            if not said:
                raise EOFError("closed in the middle")
            self.heard += said

    @property
    def versions(self) -> set[str]:
        return {it.decode() for it in re.findall(rb"v\d+\.\d+\.\d+", self.heard)}


class Streaming(Client):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"GET /stream/{seconds} HTTP/1.1")
        self.tls.sendall(b"\r\n")
        self.hear(b"\n\n\r\n")

    def talk(self) -> None:
        self.hear(b"\r\n0\r\n\r\n")


class Websocket(Client):
    """Speaks all the time, until it is told to stop."""

    def __init__(self) -> None:
        super().__init__("GET /ws HTTP/1.1")
        key = base64.b64encode(os.urandom(16)).decode()
        asked = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
        self.tls.sendall(f"{asked}\r\n\r\n".encode())
        self.hear(b"\r\n\r\n")

    def talk(self) -> None:
        while not self.stop.is_set():
            # A short text (0x81), masked by zeros (0x80 and four bytes): RFC 6455, section 5.2.
            self.tls.sendall(b"\x81\x85\x00\x00\x00\x00hello")
            self.hear(b"hello")
            self.stop.wait(0.1)


class Upload(Client):
    """Its body takes its time; the answer has to be the whole one."""

    # The edge keeps what is smaller to itself until it is whole (edge_body_unsized_max_bytes).
    AT_ONCE = 20_000

    def __init__(self, seconds: float) -> None:
        self.body = b" " * self.AT_ONCE + b'{"instances": [[1]]}'
        self.seconds = seconds
        super().__init__(f"POST /predict HTTP/1.1\r\nContent-Length: {len(self.body)}")
        self.tls.sendall(b"\r\n" + self.body[: self.AT_ONCE])

    def talk(self) -> None:
        pause = self.seconds / (len(self.body) - self.AT_ONCE)
        for at in range(self.AT_ONCE, len(self.body)):
            time.sleep(pause)
            self.tls.sendall(self.body[at : at + 1])
        self.hear(b"}]}")
        if b" 200 OK" not in self.heard:
            raise EOFError(self.heard.decode())


class Kept:
    """A connection that is kept between two requests. It is not opened again: what cannot be asked raises."""

    def __init__(self) -> None:
        tls = ssl.create_default_context(cafile=str(lab.ROOTS))
        self.connection = http.client.HTTPSConnection(lab.NAME, timeout=TIMEOUT_S, context=tls)
        self.connection.connect()
        self.connection.auto_open = 0
        self.version()

    def version(self) -> str:
        self.connection.request("GET", "/version")
        return str(json.loads(self.connection.getresponse().read())["version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
