"""HTTP to the slots on loopback, and to the service as its clients reach it."""

from __future__ import annotations

from ..model.errors import Failure
from ..model.model import Config
from ..rollout.ports import ProbeRequest
from ..startup.http_client import Reply, ask_front_door, ask_port, overlaid
from .headers import RequestHeaders


class ServiceHttp:
    def __init__(self, config: Config, headers: RequestHeaders) -> None:
        self.config = config
        self.headers = headers

    def probe(self, slot: str, request: ProbeRequest) -> Reply:
        try:
            headers = overlaid(self.headers.to_slot(slot), request.headers)
        except Failure as failure:
            return Reply(0, failure.cause)
        port = self.config.slots[slot]
        return ask_port(port, request.method, request.path, request.body, request.timeout_s, headers)

    def probe_container(self, slot: str, address: str, port: int, request: ProbeRequest) -> Reply:
        try:
            headers = overlaid(self.headers.to_slot(slot), request.headers)
        except Failure as failure:
            return Reply(0, failure.cause)
        return ask_port(port, request.method, request.path, request.body, request.timeout_s, headers, address)

    def front_door(self, path: str, timeout_s: float) -> Reply:
        return self.ask_front_door(ProbeRequest(path, timeout_s))

    def ask_front_door(self, request: ProbeRequest) -> Reply:
        door = self.config.front_door
        if door is None:
            return Reply(0, "no front door is configured")
        try:
            headers = overlaid(self.headers.to_front_door(), request.headers)
        except Failure as failure:
            return Reply(0, failure.cause)
        return ask_front_door(
            door.host, door.ca, request.path, request.timeout_s, headers, method=request.method, body=request.body
        )
