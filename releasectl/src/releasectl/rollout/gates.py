"""The gates and the other waits: poll, notice death at once, and say what was waited for when the deadline passes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ..model.errors import Code, Failure
from ..model.inflight import InFlight, Limits, kinds
from ..model.model import Gates, Golden, Header, Release
from ..startup.http_client import Reply
from .golden_match import brief, mismatch
from .ports import Host, ProbeRequest
from .redact import Redact

POLL_S = 0.03
# For HAProxy's own check of a slot that is ready: ten of its intervals, and the timeout of one that got no answer (s).
CHECK_S = 2
# HAProxy counts a request as it routes it: what was on its way at the switch is counted long before.
RECHECK_S = 0.01
PROBE_S = 2.0
LOG_LINES = 30
# Most requests take no longer, and then their kinds are never queried.
ORDINARY_S = 0.25
SAMPLE_INTERVAL_S = 0.1
# Of an answer that a message quotes: enough for a reason, too little for a page.
ANSWER_LIMIT = 400
STILL_SERVES = "The old release still serves."
HINT = f"{STILL_SERVES} Fix the candidate, then deploy again."

GAVE_UP = {"error": {"code": "failed"}}

# The second: nested deeper than Python reads.
UNREADABLE = (ValueError, RecursionError)


def await_path(host: Host, slot: str, path: str, what: str, limit_s: float, redact: Redact) -> None:
    """
    Return when the path answers 200. Fails at once when the slot's container exits or reports that it has failed, or at
    the deadline. `what`: liveness or readiness, for the message.
    """
    end = host.process.monotonic() + limit_s
    while True:
        timeout_s = max(0.05, min(PROBE_S, end - host.process.monotonic()))
        reply = host.http.probe(slot, ProbeRequest(path, timeout_s))
        if reply.status == 200:
            return
        if given_up(reply):
            cause = (
                f"{what}: the candidate reported a permanent failure: GET {path} returned "
                f"{describe_reply(reply, redact)}"
            )
            raise failed(host, slot, cause, redact)
        raise_if_dead(host, slot, f"while waiting for {what}", POLL_S, redact)
        if host.process.monotonic() >= end:
            last = describe_reply(reply, redact)
            cause = f"{what}: waited {limit_s:g} s for GET {path} to answer 200; last: {last}"
            raise failed(host, slot, cause, redact)


def given_up(reply: Reply) -> bool:
    """The candidate reports that it has failed for good: `GAVE_UP`, and anything beside it. Waiting is pointless."""
    return mismatch(GAVE_UP, parsed(reply), 0) is None


def parsed(reply: Reply) -> Any:
    """The answer's JSON; None where it is none."""
    try:
        return json.loads(reply.body)
    except UNREADABLE:
        return None


def is_ready(host: Host, slot: str, gates: Gates) -> bool:
    return host.http.probe(slot, ProbeRequest(gates.readiness_path, PROBE_S)).status == 200


def wait_until_ready(host: Host, slot: str, release: Release) -> bool:
    """Whether a slot whose unit runs gets ready within the time that a candidate has. False once its container died."""
    if not host.units.states().up(slot):
        return False
    try:
        await_path(host, slot, release.gates.readiness_path, "readiness", host.config.deadlines.readiness, str)
    except Failure:
        return False
    return True


def wait_until_up(host: Host, slot: str) -> bool:
    """Whether HAProxy finds a slot that is ready up, too; while it does not, the requests may go to the standby."""
    end = host.process.monotonic() + CHECK_S
    try:
        while host.routing.is_doubtful(slot):
            if host.process.monotonic() >= end:
                return False
            host.process.pause(POLL_S)
    except Failure:
        # Unknown; the status tells of an edge that does not answer.
        return True
    return True


def check_identity(host: Host, slot: str, path: str, version: str, limit_s: float, redact: Redact) -> None:
    reply = host.http.probe(slot, ProbeRequest(path, max(0.05, limit_s)))
    answer = parsed(reply) if reply.status == 200 else None
    got = answer.get("version") if isinstance(answer, dict) else None
    if got != version:
        answered = brief(got, redact) if got is not None else describe_reply(reply, redact)
        cause = f"identity: GET {path} must report version {version}; it returned {answered}"
        raise failed(host, slot, cause, redact)


def check_golden(
    host: Host,
    *,
    slot: str,
    goldens: tuple[Golden, ...],
    secrets: Mapping[str, str],
    deadline_s: float,
    left_s: float,
    redact: Redact,
) -> None:
    """`secrets`: the release's, for headers that name one; `redact` knows them, too."""
    end = host.process.monotonic() + min(deadline_s, left_s)
    for golden in goldens:
        left = end - host.process.monotonic()
        try:
            headers = headers_of(golden.headers, secrets)
        except KeyError as lacking:
            cause = f"golden request {golden.name!r}: no secret {lacking.args[0]} in the release"
            raise failed(host, slot, cause, redact) from None
        request = ProbeRequest(golden.path, max(0.05, left), golden.method, golden.body, headers)
        reply = host.http.probe(slot, request)
        problem = golden_problem(golden, reply, redact)
        if problem:
            late = f" (deadline {deadline_s:g} s)" if left <= 0 or not reply.status else ""
            raise failed(host, slot, f"golden request {golden.name!r}: {problem}{late}", redact)
        raise_if_dead(host, slot, f"after golden request {golden.name!r}", 0, redact)


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
    """If HAProxy does not answer, the number is unknown (−1), not zero."""
    try:
        return host.routing.in_flight(slot)
    except Failure:
        return -1


def by_kind(host: Host, slot: str) -> InFlight | None:
    """None: unknown."""
    try:
        return kinds(host.routing.exchanges(slot))
    except Failure:
        return None


def drain(host: Host, slot: str, limits: Limits, watch: str | None, redact: Redact) -> InFlight | None:
    """
    Wait until HAProxy has nothing in flight to the slot; return what was left at the end of the limits (None: unknown).
    Zero has to be seen twice, so that a request which was routed just before the switch and not yet counted is not
    missed. HAProxy is asked for a number as long as that may become zero in time by itself; the kinds of the requests
    cost it a pass over all of them, and are queried only when they matter.
    """
    begin = host.process.monotonic()
    zeros, next_sample = 0, begin + max(limits.shortest, min(ORDINARY_S, limits.requests_s))
    while zeros < 2:
        count = in_flight(host, slot)
        zeros = zeros + 1 if count == 0 else 0
        now = host.process.monotonic()
        over = now - begin >= limits.longest
        if over and count <= 0:
            return InFlight() if count == 0 else None
        if count > 0 and (over or now >= next_sample):
            left = by_kind(host, slot)
            # What has just ended is missing from the next count.
            if over or (left and left.total and not limits.wait_for(left, now - begin)):
                return left
            next_sample = now + SAMPLE_INTERVAL_S
        wait = RECHECK_S if zeros == 1 else 0 if zeros else POLL_S
        if watch:
            raise_if_dead(host, watch, "right after the switch", wait, redact)
        else:
            host.process.pause(wait)
    return InFlight()


def raise_if_dead(host: Host, slot: str, when: str, wait_s: float, redact: Redact) -> None:
    end = host.units.exited(slot, wait_s)
    if end is not None:
        raise failed(host, slot, f"the container in slot {slot} ended {when}: {redact(end)}", redact)


def failed(host: Host, slot: str, cause: str, redact: Redact) -> Failure:
    """A gate's failure with the end of the container's log."""
    return Failure(Code.GATE, cause, HINT, tuple(redact(line) for line in log_tail(host.containers.logs(slot))))


def describe_reply(reply: Reply, redact: Redact) -> str:
    body = " ".join(redact(reply.body).split())[:ANSWER_LIMIT]
    return f"{reply.status} {body}".strip() if reply.status else body or "no answer"


def log_tail(lines: tuple[str, ...]) -> tuple[str, ...]:
    """
    The end of a log, with runs of lines that differ only in digits shortened to one: a candidate that writes a line for
    each probe must not hide why it is not ready.
    """
    tail: list[str] = []
    for _, group in groupby(lines, key=lambda line: re.sub(r"[0-9]+", "0", line)):
        run = list(group)
        tail.append(run[-1] if len(run) == 1 else f"{run[-1]}  (and {len(run) - 1} more like it)")
    return tuple(tail[-LOG_LINES:])
