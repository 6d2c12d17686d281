"""
HTTP/1.1 to a loopback port or a Unix socket, with one deadline for the whole exchange. By hand (RFC 9112, one request a
connection): http.client brings the packages for mail and TLS, a quarter of the time that a command takes to start, and
its deadline begins anew with every read.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from .fast_dataclass import dataclass

# Nothing that we ask for is longer; what is, is cut.
BODY_LIMIT = 4 * 1024 * 1024
LINE_LIMIT = 64 * 1024
NO_BODY = (204, 304)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `status` 0: none, and `body` says why."""

    status: int
    body: str


class _Garbled(Exception):
    """What came is no answer in HTTP/1."""


class _Reader:
    """The bytes of one connection until `end` (s, monotonic). Raises TimeoutError, OSError, _Garbled."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self.connection = connection
        self.end = end
        self.bytes = b""

    def more(self) -> bool:
        self.connection.settimeout(_left(self.end))
        chunk = self.connection.recv(65536)
        self.bytes += chunk
        return bool(chunk)

    def line(self) -> str:
        while b"\n" not in self.bytes:
            if len(self.bytes) > LINE_LIMIT:
                raise _Garbled("a line without an end")
            if not self.more():
                raise _Garbled("the connection was closed before the end" if self.bytes else "nothing was answered")
        line, _, self.bytes = self.bytes.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def exactly(self, count: int) -> bytes:
        while len(self.bytes) < count:
            if not self.more():
                raise _Garbled("the connection was closed before the end")
        found, self.bytes = self.bytes[:count], self.bytes[count:]
        return found

    def rest(self) -> bytes:
        while len(self.bytes) < BODY_LIMIT and self.more():
            pass
        return self.bytes[:BODY_LIMIT]


def overlaid(*layers: Mapping[str, str]) -> dict[str, str]:
    """Headers of which later ones replace earlier ones of the same name, in whatever case it is spelt."""
    found: dict[str, tuple[str, str]] = {}
    for layer in layers:
        found |= {name.lower(): (name, value) for name, value in layer.items()}
    return dict(found.values())


def ask_port(
    port: int,
    method: str,
    path: str,
    body: Any,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
) -> Reply:
    """JSON to a port; never raises: status 0 says that there was no answer, and why."""
    end = time.monotonic() + timeout_s
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    return _ask(connection, (address, port), f"{address}:{port}", method, path, body, timeout_s, end, headers)


def ask_socket(
    socket_path: str,
    method: str,
    path: str,
    timeout_s: float,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    end = time.monotonic() + timeout_s
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    return _ask(connection, socket_path, "localhost", method, path, body, timeout_s, end, headers)


def ask_front_door(
    name: str,
    ca: str | None,
    path: str,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: Any = None,
    port: int = 443,
) -> Reply:
    """
    Over verified TLS, as a client of `name` reaches the service, without leaving this host. Never raises: status 0
    says that there was no answer, and why.
    """
    # Only a bake and the status ask here.
    import ssl

    end = time.monotonic() + timeout_s
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        return Reply(0, f"no answer (CA file {ca}: {error})")
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection = context.wrap_socket(plain, server_hostname=name)
    return _ask(connection, ("127.0.0.1", port), name, method, path, body, timeout_s, end, headers)


def _ask(
    connection: socket.socket,
    address: Any,
    host: str,
    method: str,
    path: str,
    body: Any,
    timeout_s: float,
    end: float,
    more: Mapping[str, str] | None = None,
) -> Reply:
    headers = {"Host": host, "Accept": "application/json", "User-Agent": "releasectl", "Connection": "close"}
    data = b""
    if body is not None:
        data = json.dumps(body).encode()
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    headers = overlaid(headers, more or {})
    head = (f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    try:
        with connection:
            connection.settimeout(_left(end))
            connection.connect(address)
            connection.sendall("\r\n".join(head).encode("latin-1", "replace") + data)
            status, found = _answer(_Reader(connection, end), method)
        return Reply(status, found[:BODY_LIMIT].decode("utf-8", "replace"))
    except TimeoutError:
        return Reply(0, f"no answer within {timeout_s:.2g} s")
    except (OSError, _Garbled) as error:
        return Reply(0, f"no answer ({str(error) or type(error).__name__})")


def _answer(reader: _Reader, method: str) -> tuple[int, bytes]:
    status, headers = 100, dict[str, str]()
    # An interim answer (1xx) is followed by the real one.
    while 100 <= status < 200:
        status, headers = _status(reader.line()), dict[str, str]()
        while line := reader.line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    if method == "HEAD" or status in NO_BODY:
        return status, b""
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        return status, _chunks(reader)
    length = headers.get("content-length", "")
    if length.isdigit():
        return status, reader.exactly(min(int(length), BODY_LIMIT))
    return status, reader.rest()


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (len(code) == 3 and code.isdigit()):
        raise _Garbled(f"not HTTP/1: {line[:60]!r}")
    return int(code)


def _chunks(reader: _Reader) -> bytes:
    """RFC 9112, section 7.1. Trailers are not read: the connection ends here."""
    found = b""
    while len(found) < BODY_LIMIT:
        size = reader.line().partition(";")[0].strip()
        try:
            count = int(size, 16)
        except ValueError:
            raise _Garbled(f"not the size of a chunk: {size[:20]!r}") from None
        if count == 0:
            break
        found += reader.exactly(min(count, BODY_LIMIT))
        if count > BODY_LIMIT:
            break
        reader.line()
    return found


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
