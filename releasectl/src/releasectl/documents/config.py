"""service.json → Config."""

from __future__ import annotations

from typing import Any

from ..model.inflight import Limits
from ..model.model import Config, Deadlines, FrontDoor
from .fields import Fields

SERVICE_PATTERN = r"[a-z][a-z0-9-]{0,40}"


def read_config(doc: Any, where: str) -> Config:
    """Raises Failure (code 2) that names the wrong key."""
    fields = Fields(doc, where)
    fields.only(
        "service", "slots", "haproxy_socket", "live_map", "backend_prefix", "drain_timeout_s", "standby_s", "retain",
        "min_free_mb", "deadlines_s", "strategy", "bake_s", "bake_max_error_ratio", "front_door", "hook_timeout_s",
        "retain_mb", "memory_reserve_mb", "drain_stream_s", "drain_websocket_s", "haproxy_master_socket",
        "failover_after", "host",
    )  # fmt: skip
    slot_fields = fields.child("slots")
    slot_fields.only("blue", "green")
    slots = {name: slot_fields.whole(name, low=1, high=65535) for name in ("blue", "green")}
    if slots["blue"] == slots["green"]:
        raise slot_fields.bad("green", "blue and green need different ports")
    limits = fields.child("deadlines_s")
    base = Deadlines()
    names = ("lock", "pull", "start", "liveness", "readiness", "golden", "switch")
    limits.only(*names)
    absolute, wanted = r"/[!-~]+", "an absolute path"
    return Config(
        service=fields.text("service", pattern=SERVICE_PATTERN, wanted="lower-case letters, digits and -"),
        slots=slots,
        haproxy_socket=fields.text("haproxy_socket", pattern=absolute, wanted=wanted),
        live_map=fields.text("live_map", pattern=absolute, wanted=wanted),
        backend_prefix=fields.text("backend_prefix", pattern=r"[0-9A-Za-z_.:-]+", wanted="a HAProxy backend name"),
        drain=_drain(fields),
        standby_s=fields.number("standby_s"),
        retain=fields.whole("retain", low=1),
        min_free_mb=fields.whole("min_free_mb"),
        deadlines=Deadlines(**{name: limits.number(name, getattr(base, name)) for name in names}),
        # Younger keys: a service.json that was written before them is as good as it was.
        strategy=fields.text("strategy", "blue_green", "blue_green|stop_first", "blue_green or stop_first"),
        bake_s=fields.number("bake_s", 0),
        bake_max_error_ratio=fields.number("bake_max_error_ratio", Config.bake_max_error_ratio),
        front_door=_front_door(fields),
        hook_timeout_s=fields.number("hook_timeout_s", Config.hook_timeout_s),
        retain_mb=fields.whole("retain_mb", 0),
        memory_reserve_mb=fields.whole("memory_reserve_mb", Config.memory_reserve_mb),
        failover_after=fields.whole("failover_after", Config.failover_after),
        haproxy_master=fields.text("haproxy_master_socket", Config.haproxy_master, absolute, wanted),
        host=fields.text("host", "", r"[0-9A-Za-z_.:-]*", "a host of the inventory"),
    )


def _drain(fields: Fields) -> Limits:
    """Without a limit of their own, streams and websockets have that of requests."""
    requests = fields.number("drain_timeout_s")
    return Limits(requests, fields.number("drain_stream_s", requests), fields.number("drain_websocket_s", requests))


def _front_door(fields: Fields) -> FrontDoor | None:
    if not fields.has("front_door"):
        return None
    door = fields.child("front_door")
    door.only("name", "ca")
    name = door.text("name", pattern=r"[0-9A-Za-z*]([0-9A-Za-z.-]*[0-9A-Za-z])?", wanted="a DNS name")
    ca = door.text("ca", pattern=r"/[!-~]+", wanted="an absolute path") if door.has("ca") else None
    return FrontDoor(name, ca)
