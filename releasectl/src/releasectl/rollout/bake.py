"""The bake: the first seconds with all the traffic, watched. Beyond its limits the switch is undone."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.counters import Counters
from ..startup.http_client import Reply
from .canary import Watch, lower_bound
from .gates import describe_reply, failed, parsed, raise_if_dead
from .golden_match import brief
from .ports import Host
from .redact import Redact

POLL_S = 0.25
DOOR_S = 1.0
"""Between two requests to the front door; their timeout is twice as long."""
MIN_REQUESTS = 20


def bake(
    host: Host,
    *,
    slot: str,
    old: str,
    version: str,
    path: str | None,
    seconds: float,
    max_error_ratio: float,
    before: Mapping[str, Counters] | None,
    door: Reply | None,
    redact: Redact,
) -> list[str]:
    """
    Returns warnings. `before`: the counters right before the switch; `door`: what the front door answered then (None:
    it was not queried). `path`: where the service reports its version. Raises Failure (code 3) when the slot is beyond
    a limit.
    """
    watch = Watch(host, old, slot)
    usual = _usual_error_ratio(before, old)
    watch.sample()
    end = host.process.monotonic() + seconds
    next_door, bad_doors, warnings = host.process.monotonic(), 0, []
    judged = door is not None and door.status != 0
    if door is not None and not judged:
        answer = describe_reply(door, redact)
        warnings.append(f"the front door did not answer before the switch ({answer}): it is not judged")
    while True:
        watch.sample()
        span = watch.candidate
        # With little traffic, only the front door and the container's life are evidence.
        if span.requests >= MIN_REQUESTS and lower_bound(span.failed, span.requests) > usual + max_error_ratio:
            limit = usual + max_error_ratio
            cause = f"{span.error_ratio:.1%} of the requests failed after the switch, at most {limit:.1%} may: {span}"
            raise failed(host, slot, f"bake: {cause}", redact)
        if judged and host.process.monotonic() >= next_door:
            problem = _door_problem(host.http.front_door(path or "/", DOOR_S * 2), path, version, redact)
            bad_doors = bad_doors + 1 if problem else 0
            if bad_doors >= 2:
                raise failed(host, slot, f"bake: front door: {problem}", redact)
            next_door = host.process.monotonic() + (POLL_S if problem else DOOR_S)
        left = end - host.process.monotonic()
        if left <= 0 and not bad_doors:
            return warnings
        raise_if_dead(host, slot, "in the bake", min(POLL_S, max(0.01, left)), redact)


def _usual_error_ratio(before: Mapping[str, Counters] | None, old: str) -> float:
    """The share of requests that failed with the old release (and those before it in its slot)."""
    counters = before.get(old) if before else None
    return min(1.0, counters.errors / counters.requests) if counters and counters.requests else 0.0


def _door_problem(reply: Reply, path: str | None, version: str, redact: Redact) -> str | None:
    if path is None:
        return None if 0 < reply.status < 500 else f"GET / answered {describe_reply(reply, redact)}"
    answer = parsed(reply) if reply.status == 200 else None
    got = answer.get("version") if isinstance(answer, dict) else None
    if got == version:
        return None
    answered = brief(got, redact) if got is not None else describe_reply(reply, redact)
    return f"GET {path} must report version {version}; it returned {answered}"
