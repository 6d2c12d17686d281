"""HTTP/1.1 to a loopback port or a Unix socket, with one deadline for the whole exchange."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from ..core.ports import Reply

# Nothing that we ask for is longer; what is, is cut.
BODY_LIMIT = 4 * 1024 * 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask_port(
    port: int, method: str, path: str, body: Any, timeout_s: float, headers: Mapping[str, str] | None = None
) -> Reply:
    """JSON to 127.0.0.1:port. Never raises: status 0 says that there was no answer, and why."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    return _ask(connection, method, path, body, timeout_s, headers)


def ask_socket(socket_path: str, method: str, path: str, timeout_s: float) -> Reply:
    return _ask(_UnixConnection(socket_path, timeout_s), method, path, None, timeout_s)


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any,
    timeout_s: float,
    more: Mapping[str, str] | None = None,
) -> Reply:
    end = time.monotonic() + timeout_s
    headers = {"Accept": "application/json", "Connection": "close", "User-Agent": "releasectl"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    # Ours give way to those that are asked for, however these are spelt.
    asked = {name.lower() for name in more or {}}
    headers = {**{name: value for name, value in headers.items() if name.lower() not in asked}, **(more or {})}
    try:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        chunks: list[bytes] = []
        size = 0
        while size < BODY_LIMIT:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if connection.sock:
                connection.sock.settimeout(left)
            chunk = response.read1(65536)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
        return Reply(response.status, b"".join(chunks).decode("utf-8", "replace"))
    except TimeoutError:
        return Reply(0, f"no answer within {timeout_s:.2g} s")
    except (OSError, http.client.HTTPException) as error:
        return Reply(0, f"no answer ({str(error) or type(error).__name__})")
    finally:
        connection.close()


class _LocalTls(http.client.HTTPSConnection):
    """The service as a client of `name` reaches it, without leaving this host."""

    def __init__(self, name: str, port: int, timeout_s: float, context: ssl.SSLContext) -> None:
        super().__init__(name, port, timeout=timeout_s, context=context)
        self.tls = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


def ask_front_door(name: str, ca: str | None, path: str, timeout_s: float, port: int = 443) -> Reply:
    """GET over verified TLS. Never raises: status 0 says that there was no answer, and why."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        return Reply(0, f"no answer (CA file {ca}: {error})")
    return _ask(_LocalTls(name, port, timeout_s, context), "GET", path, None, timeout_s)
