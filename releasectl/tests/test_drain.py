"""The drain: each kind of what is in flight is waited for as long as its own limit says, and what was cut is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from releasectl.documents.config import read_config
from releasectl.model.errors import Code, Failure
from releasectl.model.inflight import Exchange, InFlight, Limits, dropped_of, kinds
from releasectl.rollout.gates import drain

from .scenarios import deploy, engine, with_live
from .simulated_host import config_doc

LIMITS = Limits(requests_s=3, streams_s=2, websockets_s=1)
REQUEST = Exchange(-1, sent=True, answered=False, tunnel=False)
UPLOAD = Exchange(-1, sent=False, answered=False, tunnel=False)
EARLY = Exchange(200, sent=False, answered=True, tunnel=False)
STREAM = Exchange(200, sent=True, answered=True, tunnel=False)
WEBSOCKET = Exchange(101, sent=True, answered=True, tunnel=True)


@dataclass
class Clock:
    """HAProxy with requests in flight, each until a time of its own."""

    things: list[tuple[Exchange, float]]
    time: float = 0.0
    samples: list[float] = field(default_factory=list)
    silent: bool = False

    @property
    def process(self) -> Clock:
        return self

    @property
    def routing(self) -> Clock:
        return self

    def monotonic(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def left(self) -> tuple[Exchange, ...]:
        if self.silent:
            raise Failure(Code.PREFLIGHT, "HAProxy does not answer")
        return tuple(it for it, end in self.things if end > self.time)

    def in_flight(self, slot: str) -> int:
        return len(self.left())

    def exchanges(self, slot: str) -> tuple[Exchange, ...]:
        self.samples.append(self.time)
        return self.left()


def drained(clock: Clock, limits: Limits = LIMITS) -> InFlight | None:
    return drain(clock, "blue", limits, None, str)  # type: ignore[arg-type]


def test_what_is_what() -> None:
    assert kinds([REQUEST, UPLOAD, EARLY, STREAM, WEBSOCKET, WEBSOCKET]) == InFlight(3, 1, 2)
    assert str(InFlight(3, 1, 2)) == "3 requests, 1 stream, 2 websockets"
    assert str(InFlight()) == "nothing"


@pytest.mark.parametrize(
    ("things", "left", "until"),
    [
        ([], InFlight(), 0),
        ([(REQUEST, 2.5)], InFlight(), 2.5),
        ([(REQUEST, 9)], InFlight(requests=1), 3),
        ([(UPLOAD, 9)], InFlight(requests=1), 3),
        ([(STREAM, 1.5)], InFlight(), 1.5),
        ([(STREAM, 9)], InFlight(streams=1), 2),
        ([(WEBSOCKET, 0.5)], InFlight(), 0.5),
        ([(WEBSOCKET, 9)], InFlight(websockets=1), 1),
        ([(WEBSOCKET, 9), (REQUEST, 2.5)], InFlight(websockets=1), 2.5),
        ([(WEBSOCKET, 9), (STREAM, 9), (REQUEST, 0.5)], InFlight(streams=1, websockets=1), 2),
        ([(WEBSOCKET, 9), (STREAM, 9), (REQUEST, 9)], InFlight(1, 1, 1), 3),
    ],
)
def test_each_kind_is_waited_for_until_its_own_limit(
    things: list[tuple[Exchange, float]], left: InFlight, until: float
) -> None:
    clock = Clock(things)
    assert drained(clock) == left
    assert until <= clock.time < until + 0.2


def test_nobody_is_asked_of_what_kind_what_ends_in_time() -> None:
    clock = Clock([(REQUEST, 0.9), (STREAM, 0.9), (WEBSOCKET, 0.9)])
    assert drained(clock) == InFlight()
    assert clock.samples == []


def test_with_one_limit_for_all_nobody_is_asked_before_it() -> None:
    clock = Clock([(STREAM, 9)])
    assert drained(clock, Limits(3, 3, 3)) == InFlight(streams=1)
    assert len(clock.samples) == 1


def test_no_time_at_all_is_no_wait_at_all() -> None:
    clock = Clock([(REQUEST, 9)])
    assert drained(clock, Limits(0, 0, 0)) == InFlight(requests=1)
    assert clock.time == 0


def test_an_edge_that_does_not_answer_is_unknown_and_not_empty() -> None:
    clock = Clock([], silent=True)
    assert drained(clock) is None
    assert clock.time >= LIMITS.longest


def test_what_is_cut() -> None:
    before = InFlight(requests=2, streams=2, websockets=2)
    assert dropped_of(before, 0) == InFlight(websockets=2)
    assert dropped_of(before, 3) == InFlight(requests=1, streams=2, websockets=2)
    assert dropped_of(before, 99) == before


def test_streams_and_websockets_have_the_limit_of_requests_unless_they_have_their_own() -> None:
    assert read_config(config_doc(), "service.json").drain == Limits(3, 3, 3)
    doc = config_doc(drain_stream_s=60, drain_websocket_s=0)
    assert read_config(doc, "service.json").drain == Limits(3, 60, 0)


def test_what_is_long_goes_on_with_the_standby_and_is_cut_when_that_ends() -> None:
    host = with_live("v1.0.0", drain_timeout_s=30)
    host.long = {"blue": InFlight(streams=1, websockets=2)}
    result = deploy(host, "v2.0.0")
    assert next(seconds for name, seconds in result.phases if name == "drain") < 1
    assert result.warnings == [
        "drain: 1 stream, 2 websockets still in flight to blue; they continue until the standby expires"
    ]
    assert result.extra["drain"]["left"] == {"blue": {"requests": 0, "streams": 1, "websockets": 2}}
    host.spend(host.config.standby_s + 1)
    assert "dropped: 1 stream, 2 websockets, when blue was stopped" in engine(host).recover().extra["done"]


def test_without_a_standby_it_is_waited_for_and_then_cut() -> None:
    host = with_live("v1.0.0", standby_s=0, drain_timeout_s=1, drain_stream_s=4, drain_websocket_s=2)
    host.long = {"blue": InFlight(streams=1, websockets=2)}
    result = deploy(host, "v2.0.0")
    assert 4 <= next(seconds for name, seconds in result.phases if name == "drain") < 5
    assert result.warnings == [
        "drain: 1 stream, 2 websockets still in flight to blue after the drain timeout "
        "(requests 1 s, streams 4 s, websockets 2 s)",
        "dropped: 1 stream, 2 websockets, when blue was stopped",
    ]
    assert result.extra["drain"]["cut"] == {"requests": 0, "streams": 1, "websockets": 2}
    assert result.outcome == "live"


@pytest.mark.parametrize(("since_s", "waits_s"), [(0, 20), (15, 5), (60, 0)])
def test_a_standby_that_makes_room_has_what_is_left_of_the_time(since_s: float, waits_s: float) -> None:
    host = with_live("v1.0.0", "v2.0.0", drain_timeout_s=20)
    host.long = {"blue": InFlight(streams=1)}
    host.spend(since_s)
    result = deploy(host, "v3.0.0")
    assert waits_s <= next(seconds for name, seconds in result.phases if name == "start") < waits_s + 1
    assert "dropped: 1 stream, when blue was stopped" in result.warnings
