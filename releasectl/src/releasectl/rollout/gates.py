"""The gates and the other waits: poll, notice death at once, and say what was waited for when the deadline passes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ..model.errors import Code, Failure
from ..model.inflight import InFlight, kinds
from ..model.model import Gates, Golden, Header, Release
from ..startup.http_client import Reply
from .effects import AwaitPath, CheckGolden, CheckIdentity, Drain
from .golden_match import brief, mismatch
from .ports import Host
from .redact import Redact

POLL_S = 0.03
# HAProxy counts a request as it routes it: what was on its way at the switch is counted long before.
RECHECK_S = 0.01
PROBE_S = 2.0
LOG_LINES = 30
# Most requests take no longer, and then nobody has to ask of what kind they are.
ORDINARY_S = 0.25
SAMPLE_INTERVAL_S = 0.1
# Of an answer that a message quotes: enough for a reason, too little for a page.
ANSWER_LIMIT = 400
HINT = "The old release still serves. Fix the candidate, then deploy again."

GAVE_UP = {"error": {"code": "failed"}}

# The second: nested deeper than Python reads.
UNREADABLE = (ValueError, RecursionError)


def await_path(host: Host, effect: AwaitPath, left_s: float, redact: Redact) -> None:
    """Return when the path answers 200; fail at once when the slot's container ends or gives up, or at the deadline."""
    limit = min(effect.deadline_s, left_s)
    end = host.monotonic() + limit
    while True:
        reply = host.probe(effect.slot, "GET", effect.path, None, max(0.05, min(PROBE_S, end - host.monotonic())))
        if reply.status == 200:
            return
        if given_up(reply):
            cause = f"{effect.what}: it has failed for good, GET {effect.path} answered {describe_reply(reply, redact)}"
            raise failed(host, effect.slot, cause, redact)
        raise_if_dead(host, effect.slot, f"while {effect.what} was awaited", POLL_S, redact)
        if host.monotonic() >= end:
            raise failed(
                host,
                effect.slot,
                f"{effect.what}: waited {limit:g} s for GET {effect.path} to answer 200; "
                f"last: {describe_reply(reply, redact)}",
                redact,
            )


def given_up(reply: Reply) -> bool:
    """Whoever says of itself that it has failed is not waited for: `GAVE_UP`, and anything beside it."""
    return mismatch(GAVE_UP, parsed(reply), 0) is None


def parsed(reply: Reply) -> Any:
    """The answer's JSON; None where it is none."""
    try:
        return json.loads(reply.body)
    except UNREADABLE:
        return None


def is_ready(host: Host, slot: str, gates: Gates) -> bool:
    return host.probe(slot, "GET", gates.readiness_path, None, PROBE_S).status == 200


def wait_until_ready(host: Host, slot: str, release: Release) -> bool:
    """A slot whose unit runs gets ready in the time that a candidate would have. Whoever has died does not."""
    if not host.units().up(slot):
        return False
    limit = host.config.deadlines.readiness
    try:
        await_path(host, AwaitPath(slot, release.ref.id, "readiness", release.gates.readiness_path, limit), limit, str)
    except Failure:
        return False
    return True


def check_identity(host: Host, effect: CheckIdentity, left_s: float, redact: Redact) -> None:
    reply = host.probe(effect.slot, "GET", effect.path, None, max(0.05, min(effect.deadline_s, left_s)))
    answer = parsed(reply) if reply.status == 200 else None
    got = answer.get("version") if isinstance(answer, dict) else None
    if got != effect.version:
        seen = brief(got, redact) if got is not None else describe_reply(reply, redact)
        raise failed(
            host,
            effect.slot,
            f"identity: GET {effect.path} should name version {effect.version}; it answered {seen}",
            redact,
        )


def check_golden(
    host: Host,
    effect: CheckGolden,
    goldens: tuple[Golden, ...],
    secrets: Mapping[str, str],
    left_s: float,
    redact: Redact,
) -> None:
    """`secrets`: the release's, for headers that name one; `redact` knows them, too."""
    end = host.monotonic() + min(effect.deadline_s, left_s)
    for golden in goldens:
        left = end - host.monotonic()
        try:
            headers = headers_of(golden.headers, secrets)
        except KeyError as lacking:
            cause = f"golden request {golden.name!r}: no secret {lacking.args[0]} in the release"
            raise failed(host, effect.slot, cause, redact) from None
        reply = host.probe(effect.slot, golden.method, golden.path, golden.body, max(0.05, left), headers)
        problem = golden_problem(golden, reply, redact)
        if problem:
            late = f" (deadline {effect.deadline_s:g} s)" if left <= 0 or not reply.status else ""
            raise failed(host, effect.slot, f"golden request {golden.name!r}: {problem}{late}", redact)
        raise_if_dead(host, effect.slot, f"after golden request {golden.name!r}", 0, redact)


def headers_of(headers: tuple[Header, ...], secrets: Mapping[str, str]) -> dict[str, str]:
    """Raises KeyError with the name of a secret that is not there."""
    return {it.name: secrets[it.secret] if it.secret else it.value for it in headers}


def golden_problem(golden: Golden, reply: Reply, redact: Redact) -> str | None:
    """What is not as expected; None: nothing."""
    if reply.status != golden.status:
        return f"expected status {golden.status}, got {describe_reply(reply, redact)}"
    if golden.expect is None:
        return None
    try:
        answer = json.loads(reply.body)
    except UNREADABLE:
        return f"expected JSON, got {describe_reply(reply, redact)}"
    return mismatch(golden.expect, answer, golden.tolerance, show=lambda value: brief(value, redact))


def in_flight(host: Host, slot: str) -> int:
    """An edge that does not answer is unknown (−1), not zero."""
    try:
        return host.in_flight(slot)
    except Failure:
        return -1


def by_kind(host: Host, slot: str) -> InFlight | None:
    """None: unknown."""
    try:
        return kinds(host.exchanges(slot))
    except Failure:
        return None


def drain(host: Host, effect: Drain, redact: Redact) -> InFlight | None:
    """
    Wait until the edge has nothing in flight to the slot; return what was left once all of it had had its time (None:
    unknown). Zero has to be seen twice, so that a request which was routed just before the switch and not yet counted
    is not missed. The edge is asked for a number as long as it may become zero by itself in time; what kind of things
    they are costs it a look at each, and is asked only when it matters.
    """
    begin, limits = host.monotonic(), effect.limits
    zeros, next_sample = 0, begin + max(limits.shortest, min(ORDINARY_S, limits.requests_s))
    while zeros < 2:
        count = in_flight(host, effect.slot)
        zeros = zeros + 1 if count == 0 else 0
        now = host.monotonic()
        over = now - begin >= limits.longest
        if over and count <= 0:
            return InFlight() if count == 0 else None
        if count > 0 and (over or now >= next_sample):
            left = by_kind(host, effect.slot)
            # What has just ended is seen by the next look at the number.
            if over or (left and left.total and not limits.wait_for(left, now - begin)):
                return left
            next_sample = now + SAMPLE_INTERVAL_S
        wait = RECHECK_S if zeros == 1 else 0 if zeros else POLL_S
        if effect.watch:
            raise_if_dead(host, effect.watch, "right after the switch", wait, redact)
        else:
            host.pause(wait)
    return InFlight()


def raise_if_dead(host: Host, slot: str, when: str, wait_s: float, redact: Redact) -> None:
    end = host.exited(slot, wait_s)
    if end is not None:
        raise failed(host, slot, f"the container in slot {slot} ended {when}: {redact(end)}", redact)


def failed(host: Host, slot: str, cause: str, redact: Redact) -> Failure:
    """A gate's failure with the container's last words."""
    return Failure(Code.GATE, cause, HINT, tuple(redact(line) for line in log_tail(host.logs(slot))))


def describe_reply(reply: Reply, redact: Redact) -> str:
    body = " ".join(redact(reply.body).split())[:ANSWER_LIMIT]
    return f"{reply.status} {body}".strip() if reply.status else body or "no answer"


def log_tail(lines: tuple[str, ...]) -> tuple[str, ...]:
    """
    The end of a log, with runs of lines that differ in nothing but digits told once: a candidate that writes a line for
    each probe must not hide why it is not ready.
    """
    told: list[str] = []
    for _, group in groupby(lines, key=lambda line: re.sub(r"[0-9]+", "0", line)):
        run = list(group)
        told.append(run[-1] if len(run) == 1 else f"{run[-1]}  (and {len(run) - 1} more like it)")
    return tuple(told[-LOG_LINES:])
