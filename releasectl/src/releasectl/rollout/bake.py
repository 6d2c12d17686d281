"""The bake: the first seconds with all the traffic, watched. Beyond its limits the switch is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from ..model.counters import Counters
from ..startup.http_client import Reply
from .canary import Watch, lower_bound
from .effects import Bake
from .gates import describe_reply, failed, raise_if_dead
from .golden_match import brief
from .ports import Host

POLL_S = 0.25
DOOR_S = 1.0
"""Between two looks through the front door, and the longest that one may take is twice as much."""
MIN_REQUESTS = 20


def bake(
    host: Host, effect: Bake, before: Mapping[str, Counters] | None, door: Reply | None, redact: Callable[[str], str]
) -> list[str]:
    """
    Returns warnings. `before`: the counters right before the switch; `door`: what the front door answered then (None:
    there is none, or nobody asked). Raises Failure (code 3) when the slot is beyond a limit.
    """
    watch = Watch(host, effect.old, effect.slot)
    usual = _usual(before, effect.old)
    watch.sample()
    end = host.monotonic() + effect.seconds
    next_door, bad_doors, warnings = host.monotonic(), 0, []
    judged = door is not None and door.status != 0
    if door is not None and not judged:
        warnings.append(
            f"the front door did not answer before the switch ({describe_reply(door, redact)}): it is not judged"
        )
    while True:
        watch.sample()
        span = watch.candidate
        # With no traffic to speak of only the front door and the container's life tell anything.
        if span.requests >= MIN_REQUESTS and lower_bound(span.failed, span.requests) > usual + effect.max_error_ratio:
            limit = usual + effect.max_error_ratio
            cause = f"{span.error_ratio:.1%} of the requests failed after the switch, at most {limit:.1%} may: {span}"
            raise failed(host, effect.slot, f"bake: {cause}", redact)
        if judged and host.monotonic() >= next_door:
            problem = _door_problem(host.front_door(effect.path or "/", DOOR_S * 2), effect, redact)
            bad_doors = bad_doors + 1 if problem else 0
            if bad_doors >= 2:
                raise failed(host, effect.slot, f"bake: front door: {problem}", redact)
            next_door = host.monotonic() + (POLL_S if problem else DOOR_S)
        left = end - host.monotonic()
        if left <= 0 and not bad_doors:
            return warnings
        raise_if_dead(host, effect.slot, "in the bake", min(POLL_S, max(0.01, left)), redact)


def _usual(before: Mapping[str, Counters] | None, old: str) -> float:
    """The share of requests that failed with the old release (and those before it in its slot)."""
    it = before.get(old) if before else None
    return min(1.0, it.errors / it.requests) if it and it.requests else 0.0


def _door_problem(reply: Reply, effect: Bake, redact: Callable[[str], str]) -> str | None:
    if effect.path is None:
        return None if 0 < reply.status < 500 else f"GET / answered {describe_reply(reply, redact)}"
    try:
        answer = json.loads(reply.body) if reply.status == 200 else None
    except ValueError:
        answer = None
    got = answer.get("version") if isinstance(answer, dict) else None
    if got == effect.version:
        return None
    seen = brief(got, redact) if got is not None else describe_reply(reply, redact)
    return f"GET {effect.path} should name version {effect.version}; it answered {seen}"
