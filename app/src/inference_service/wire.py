"""uvicorn's HTTP/1.1, with a short way for predictions.

For each request uvicorn makes a scope, an event, a cycle and a task, and writes head and body apart: more than the
prediction costs. A prediction whose request arrived in one piece needs none of it: its exchange is asked when the
parser has seen the end, and writes its answer in one go. All else goes uvicorn's way: other paths, bodies in several
pieces (which need time limits), `Expect: 100-continue`, HTTP/1.0, and requests sent before the last one was answered.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .errors import Headers
from .exchange import Desk, Endpoint, Exchange
from .http import Front
from .media import JSON, combined

_JSON = b"content-type: application/json\r\n"


class WireExchange(Exchange):
    """An exchange in the place of uvicorn's cycle: it has what uvicorn asks a cycle about."""

    __slots__ = ("_wire", "disconnected", "keep_alive")

    # Wakes whoever reads a body: nobody here.
    message_event: ClassVar[asyncio.Event] = asyncio.Event()

    def __init__(self, wire: Wire, desk: Desk, endpoint: Endpoint) -> None:
        super().__init__(desk, endpoint, combined(wire.headers))
        self._wire = wire
        self.keep_alive = wire.parser.should_keep_alive()
        self.disconnected = False

    @property
    def response_complete(self) -> bool:
        return self.ended

    def send(self, status: int, body: bytes, headers: Headers, close: bool) -> None:
        extra = _JSON if headers is JSON else b"".join([b"%b: %b\r\n" % header for header in headers])
        close = close or not self.keep_alive
        if close:
            extra += b"connection: close\r\n"
        wire = self._wire
        wire.transport.write(
            b"%b%d\r\nx-request-id: %b\r\n%b\r\n%b"
            % (wire.head(status), len(body), self.request_id.encode(), extra, body)
        )
        if close:
            wire.transport.close()
        wire.on_response_complete()


class Parser(HttpRequestParser):
    """Reads requests that offer another protocol (Upgrade: h2c) as the HTTP/1.1 that they are, with their bodies.

    httptools stops at the end of such a head, as if the offer were taken: the head is read again without it, and then
    the rest.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._wire = wire

    def feed_data(self, data: Any) -> None:
        while True:
            try:
                HttpRequestParser.feed_data(self, data)
                return
            except HttpParserUpgrade as offer:
                # CONNECT has no other meaning that one could go on with.
                if self.get_method() == b"CONNECT":
                    raise
                super().feed_data(self._wire.head_without_offer())
                data = memoryview(data)[offer.args[0] :]


class Wire(HttpToolsProtocol):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.parser = Parser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        front = self.config.app
        assert isinstance(front, Front)
        self._desk = front.desk
        version = front.service.settings.service_version.encode()
        self._same = b"x-release: %b\r\ncontent-length: " % version
        # Where the request that is being read goes if it turns out to be whole, and its body so far.
        self._endpoint: Endpoint | None = None
        self._pieces: list[bytes] = []
        # Whether the head that was just read offers another protocol: see Parser.
        self._offered = False
        self._heads: dict[int, bytes] = {}
        self._heads_for: list[tuple[bytes, bytes]] = []

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._endpoint is not None:
            self._go_on_as_usual()

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        parser = self.parser
        self._offered = parser.should_upgrade() and parser.get_method() != b"CONNECT"
        if self._offered:
            return
        endpoint = self._desk.endpoints.get(self.url.decode("latin-1"))
        if (
            endpoint is not None
            and (self.cycle is None or self.cycle.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            and not self.flow.write_paused
        ):
            self._endpoint = endpoint
        else:
            self._begin_as_usual()

    def on_body(self, body: bytes) -> None:
        if self._endpoint is not None:
            self._pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._offered:
            return
        endpoint = self._endpoint
        if endpoint is None:
            super().on_message_complete()
            return
        self._endpoint = None
        exchange = WireExchange(self, self._desk, endpoint)
        self.cycle = exchange  # type: ignore[assignment]
        # Not kept until the next request: of many connections that would be as many bodies.
        pieces, self._pieces = self._pieces, []
        if exchange.admitted():
            exchange.ask(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def head_without_offer(self) -> bytes:
        """The head that was read last, without its Upgrade."""
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        lines = [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([line, *lines, b"", b""])

    def head(self, status: int) -> bytes:
        """The answer up to the length of its body: made once a second, when uvicorn writes a new date."""
        headers = self.server_state.default_headers
        if headers is not self._heads_for:
            self._heads_for = headers
            self._heads.clear()
        head = self._heads.get(status)
        if head is None:
            lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in headers], self._same]
            head = self._heads[status] = b"".join(lines)
        return head

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(self.cycle, WireExchange):
            self.cycle.leave()
        super().connection_lost(exc)

    def _begin_as_usual(self) -> None:
        """What uvicorn does with a request whose headers are complete; it keeps what was read so far."""
        url, headers = self.url, self.headers
        expect = self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.expect_100_continue = expect
        self.headers.extend(headers)
        super().on_headers_complete()

    def _go_on_as_usual(self) -> None:
        """The request did not come in one piece."""
        self._endpoint = None
        pieces, self._pieces = self._pieces, []
        if not self.transport.is_closing():
            self._begin_as_usual()
            for piece in pieces:
                super().on_body(piece)
