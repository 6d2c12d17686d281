"""What HAProxy has in flight to a slot, by kind, and how long a drain waits for each."""

from __future__ import annotations

from collections.abc import Iterable

from ..startup.fast_dataclass import dataclass

SWITCHING_PROTOCOLS = 101


@dataclass(frozen=True)
class Exchange:
    """A request and its response on their way. `answered`: the response's headers have come."""

    status: int
    sent: bool
    """The client has said all of its request."""
    answered: bool
    tunnel: bool
    """Neither is HTTP any more: both sides speak as they like."""


@dataclass(frozen=True)
class InFlight:
    requests: int = 0
    """The client still sends, waits for its turn, or for an answer."""
    streams: int = 0
    """The answer has begun and goes on: events, a chunked response, a large body."""
    websockets: int = 0

    @property
    def total(self) -> int:
        return self.requests + self.streams + self.websockets

    def __add__(self, other: InFlight) -> InFlight:
        return InFlight(
            self.requests + other.requests, self.streams + other.streams, self.websockets + other.websockets
        )

    def __str__(self) -> str:
        counts = ((self.requests, "request"), (self.streams, "stream"), (self.websockets, "websocket"))
        return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count) or "nothing"


@dataclass(frozen=True)
class Limits:
    """Seconds that a drain waits for each kind, from its begin."""

    requests_s: float
    streams_s: float
    websockets_s: float

    @property
    def shortest(self) -> float:
        return min(self.requests_s, self.streams_s, self.websockets_s)

    @property
    def longest(self) -> float:
        return max(self.requests_s, self.streams_s, self.websockets_s)

    def at_most(self, seconds: float) -> Limits:
        return Limits(*(min(seconds, it) for it in (self.requests_s, self.streams_s, self.websockets_s)))

    def after(self, seconds: float) -> Limits:
        """What is left of them so much later."""
        return Limits(*(max(0.0, it - seconds) for it in (self.requests_s, self.streams_s, self.websockets_s)))

    def wait_for(self, left: InFlight, passed_s: float) -> bool:
        """Is there anything whose time is not over?"""
        return bool(
            (left.requests and passed_s < self.requests_s)
            or (left.streams and passed_s < self.streams_s)
            or (left.websockets and passed_s < self.websockets_s)
        )

    def __str__(self) -> str:
        return f"requests {self.requests_s:g} s, streams {self.streams_s:g} s, websockets {self.websockets_s:g} s"


def kinds(exchanges: Iterable[Exchange]) -> InFlight:
    """
    What answers before the client has said all is a request still: it is the client that takes its time. A tunnel that
    is no upgrade (CONNECT) is as good as a websocket.
    """
    found = InFlight()
    for it in exchanges:
        if it.tunnel or it.status == SWITCHING_PROTOCOLS:
            found += InFlight(websockets=1)
        elif it.answered and it.sent:
            found += InFlight(streams=1)
        else:
            found += InFlight(requests=1)
    return found


def dropped_of(before: InFlight, aborted: int) -> InFlight:
    """
    What the end of a slot dropped of what was in flight right before: `aborted` is how many requests HAProxy saw break
    off. Of a tunnel it cannot tell a good end from a bad one, and no client asked for this one.
    """
    streams = min(before.streams, aborted)
    return InFlight(min(before.requests, aborted - streams), streams, before.websockets)
