"""Applies effects to the host and collects what they observe."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.counters import Counters, Span, between
from ..model.errors import Failure
from .effects import Effect
from .ports import Host
from .run import Run

FRONT_DOOR_S = 2.0


def perform(host: Host, effect: Effect, run: Run, left_s: float) -> None:
    """`left_s`: what is left of the phase's deadline. Raises Failure."""
    run.observations.add(effect.apply(host, run, left_s))


def observe_before_switch(host: Host, run: Run, front_door_path: str | None) -> None:
    """`front_door_path`: also query the front door. Never fails."""
    run.observations.counters_before = _counters(host)
    if front_door_path is not None:
        run.observations.front_door_before = host.http.front_door(front_door_path, FRONT_DOOR_S)


def observe_after_drain(host: Host, run: Run) -> None:
    """What happened to each slot since `observe_before_switch`."""
    before, now = run.observations.counters_before, _counters(host)
    spans: dict[str, Span] = {}
    if now and before:
        spans = {slot: between(before[slot], now[slot]) for slot in now if slot in before}
    run.observations.switched = spans


def _counters(host: Host) -> Mapping[str, Counters] | None:
    try:
        return host.routing.counters()
    except Failure:
        return None
