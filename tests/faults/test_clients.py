"""What clients may do to the front door: be slow, send too much, look where nothing is theirs. No service sees it."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

POST = f"POST /predict HTTP/1.1\r\nHost: {lab.NAME}\r\nContent-Type: application/json\r\n"
# How a client begins, and what it then goes on with, a byte a second, for ever.
SLOW = {
    "headers": ("GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a"),
    "a body of known length": (f"{POST}Content-Length: 5000\r\n\r\n{{", " "),
    "a body that is too large": (f"{POST}Content-Length: 2000000\r\n\r\n{{", " "),
    "a body of unknown length": (f"{POST}Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
}
EACH = 50
HTTP_REQUEST_S = 10  # edge_timeouts_s.http_request


def connect() -> ssl.SSLSocket:
    plain = socket.create_connection((lab.NAME, 443), 10)
    return ssl.create_default_context(cafile=str(lab.ROOTS)).wrap_socket(plain, server_hostname=lab.NAME)


def answer(connection: ssl.SSLSocket, timeout_s: float) -> str | None:
    """Status of what it says ("" when it only closes), None while it says nothing."""
    connection.settimeout(timeout_s)
    try:
        said = connection.recv(4096)
    except (TimeoutError, ssl.SSLWantReadError):
        return None
    except OSError:
        return ""
    return said[9:12].decode() if said else ""


def requests_in_service() -> int:
    """Requests that the edge has open to either slot now."""
    read = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8405/metrics').read().decode())"
    found = re.findall(
        r'^haproxy_server_current_sessions\{proxy="inference_\w+",.*\} (\d+)', lab.on_host("python3", "-c", read), re.M
    )
    assert len(found) == 6, "of each backend the slot itself, and the other one as its standby twice"
    return sum(map(int, found))


def crowd() -> Iterator[tuple[str, ssl.SSLSocket]]:
    for kind, (begin, _) in SLOW.items():
        for _ in range(EACH):
            connection = connect()
            connection.sendall(begin.encode())
            yield kind, connection


def test_slow_clients_are_cut_and_nobody_else_notices(load: SteadyLoad) -> None:
    """Each sends a byte a second, so no client is ever silent for long."""
    open_now = list(crowd())
    begin = time.monotonic()
    ends: Counter[tuple[str, str]] = Counter()
    most = 0
    while open_now and time.monotonic() - begin < HTTP_REQUEST_S + 10:
        most = max(most, requests_in_service())
        still = []
        for kind, connection in open_now:
            try:
                connection.settimeout(1)
                connection.sendall(SLOW[kind][1].encode())
                end = answer(connection, 0)
            except OSError:
                end = answer(connection, 1) or ""
            if end is None:
                still.append((kind, connection))
            else:
                ends[kind, end] += 1
                connection.close()
        open_now = still
        time.sleep(1)
    print(f"after {time.monotonic() - begin:.0f} s, at most {most} requests in the service: {dict(ends)}")
    assert Counter(kind for kind, _ in open_now) == {}, "not cut"
    assert {kind for kind, _ in ends} == set(SLOW)
    assert most < EACH / 2, "slow bodies take the places of others"
    assert max(sample.seconds for sample in load.samples) < 2


def test_what_is_too_large_or_not_theirs_is_refused_before_the_service() -> None:
    before = lab.answers()
    for headers, body in (
        ("Content-Length: 1048577", b"x" * 1048577),
        ("Transfer-Encoding: chunked", (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 100 + b"0\r\n\r\n"),
    ):
        with connect() as connection:
            connection.sendall(f"{POST}{headers}\r\n\r\n".encode() + body)
            assert answer(connection, 5) == "413", headers
    for path in ("/metrics", "/metrics/", "//metrics", "/METRICS", "/%6detrics", "/metrics?x=1"):
        with connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {lab.NAME}\r\n\r\n".encode())
            assert answer(connection, 5) == "404", path
    assert lab.answers() == before, "the service was asked"
    assert lab.ask("/version").json()["version"] == host.live()
    assert lab.answers() != before
