"""The DNS server of the VPC: what Route 53 holds, the names of the services that are played, and the rest of the world.

The third address of a VPC is Amazon's resolver. It knows every hosted zone as if it were delegated.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

from . import names

TTL_S = 5
FORWARD_S = 3.0


@dataclass(frozen=True)
class Server:
    zones: Callable[[], tuple[names.Zone, ...]]
    played: dict[str, str]  # names of the services that are played → address
    upstream: str

    def answer(self, wire: bytes) -> bytes:
        """The response to one query, in wire format."""
        response: bytes = self.respond(dns.message.from_wire(wire)).to_wire()
        return response

    def respond(self, query: Any) -> Any:
        response = dns.message.make_response(query, recursion_available=True)
        if not query.question:
            response.set_rcode(dns.rcode.FORMERR)
            return response
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        if (found := names.resolve(name, kind, self.zones())) is not None:
            response.answer = [dns.rrset.from_text(r.name, r.ttl, "IN", r.type, *r.values) for r in found.records]
            response.set_rcode(dns.rcode.from_text(found.code))
            response.flags |= dns.flags.AA
            return response
        if (address := names.static(name, self.played)) is not None:
            if kind == "A":
                response.answer.append(dns.rrset.from_text(name, TTL_S, "IN", "A", address))
            return response
        try:
            return dns.query.udp(query, self.upstream, timeout=FORWARD_S)
        except (dns.exception.DNSException, OSError):
            response.set_rcode(dns.rcode.SERVFAIL)
            return response


class UdpHandler(socketserver.BaseRequestHandler):
    dns: Server

    def handle(self) -> None:
        wire, sock = self.request
        sock.sendto(self.dns.answer(wire), self.client_address)


class TcpHandler(socketserver.BaseRequestHandler):
    dns: Server

    def handle(self) -> None:
        self.request.settimeout(FORWARD_S)
        size = int.from_bytes(self._exactly(2), "big")
        wire = self.dns.answer(self._exactly(size))
        self.request.sendall(len(wire).to_bytes(2, "big") + wire)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self.request.recv(size - len(data))):
                raise ConnectionError("the client hung up")
            data += more
        return data


class Udp(socketserver.ThreadingUDPServer):
    allow_reuse_address = True
    daemon_threads = True
    max_packet_size = 4096


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def start(address: str, port: int, server: Server) -> None:
    """Serve on UDP and TCP in the background."""
    servers: list[Any] = [
        Udp((address, port), type("BoundUdp", (UdpHandler,), {"dns": server})),
        Tcp((address, port), type("BoundTcp", (TcpHandler,), {"dns": server})),
    ]
    for it in servers:
        threading.Thread(target=it.serve_forever, daemon=True).start()
