"""Long connections at the switch: they end well with the old release, or are cut after their time, and that is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad
from tests.harness.long_requests import Client, Kept, Streaming, Upload, Websocket

LONG_S = 6.0
# What the engine does not do itself, while it stands still at the switch, takes its time too.
PATIENT = {"deadlines_s": {"switch": 30}}


@contextmanager
def replaced(upload_s: float = LONG_S, **config: Any) -> Iterator[tuple[str, tuple[Client, ...], host.Answer]]:
    """The live release is replaced, with a stream, a websocket and an upload in flight at the switch."""
    before = host.live()
    clients: list[Client] = []
    try:
        with host.configured(**PATIENT, **config):
            with host.held("switch", host.request(host.other(before)), "deploy") as answers:
                clients += [Streaming(LONG_S), Websocket(), Upload(upload_s)]
                for client in clients:
                    client.start()
            yield before, tuple(clients), host.good(answers[0])
    finally:
        for client in clients:
            client.stop.set()
            client.join(20)


def ends_well(*clients: Client) -> None:
    for client in clients:
        client.stop.set()
        client.join(20)
        assert client.problem == "", type(client).__name__


def drain_of(answer: host.Answer) -> dict[str, Any]:
    return dict(answer.doc["drain"])


def seconds_of(answer: host.Answer, phase: str) -> float:
    return float(next(it["seconds"] for it in answer.doc["phases"] if it["name"] == phase))


def test_with_a_standby_they_go_on_with_the_old_release(load: SteadyLoad) -> None:
    limits = {"drain_timeout_s": 1, "drain_stream_s": 1, "drain_websocket_s": 1}
    with replaced(**limits) as (before, (stream, websocket, upload), answer):
        assert seconds_of(answer, "drain") < LONG_S - 1
        slot = lab.state()["standby"]["slot"]
        assert drain_of(answer)["left"] == {slot: {"requests": 1, "streams": 1, "websockets": 1}}
        assert any("they continue until the standby expires" in it for it in answer.doc["warnings"])
        new = Websocket(), Streaming(0.2)
        for client in new:
            client.start()
        ends_well(*new)
        assert [client.versions for client in new] == [{host.live()}, {host.live()}]
        ends_well(stream, upload)
        assert stream.versions == {before}
        # The websocket is still there when the standby has to make room.
        with host.configured(**limits):
            answer = host.good(host.deploy(host.request(before)))
        websocket.join(5)
        assert websocket.versions == {before}
        assert websocket.ended_at > stream.ended_at
        assert drain_of(answer)["cut"] == {"requests": 0, "streams": 0, "websockets": 1}
        assert any(it.startswith("dropped: 1 websocket, when") for it in answer.doc["warnings"])
    host.well()


def test_without_a_standby_they_are_waited_for_each_until_its_own_limit(load: SteadyLoad) -> None:
    with replaced(standby_s=0, drain_websocket_s=1) as (before, (stream, websocket, upload), answer):
        ends_well(stream, upload)
        assert stream.versions == websocket.versions == {before}
        # The stop of the slot ended it, and not its limit: until then the others had to be waited for.
        assert websocket.ended_at > stream.ended_at
        assert drain_of(answer)["cut"] == {"requests": 0, "streams": 0, "websockets": 1}
        assert LONG_S - 4 < seconds_of(answer, "drain") < LONG_S + 4
    host.well()


def test_beyond_their_time_they_are_cut_and_requests_are_not(load: SteadyLoad) -> None:
    limits = {"drain_stream_s": 0.5, "drain_websocket_s": 0.2}
    with replaced(upload_s=1, standby_s=0, **limits) as (_, (stream, websocket, upload), answer):
        ends_well(upload)
        assert "closed in the middle" in stream.problem
        assert websocket.problem
        assert drain_of(answer)["cut"] == {"requests": 0, "streams": 1, "websockets": 1}
        assert any(it.startswith("dropped: 1 stream, 1 websocket, when") for it in answer.doc["warnings"])
    host.well()


def test_haproxy_reloaded_right_before_the_switch(load: SteadyLoad) -> None:
    """
    The old worker goes on by its own map with connections that are kept, and the new one may have read the map file
    before the switch. With no standby, who is still sent to the old release is answered by nobody.
    """
    before = host.live()
    wanted = host.other(before)
    with ExitStack() as clients, host.configured(**PATIENT, standby_s=0):
        with host.held("switch", host.request(wanted), "deploy") as answers:
            stream = Streaming(LONG_S)
            kept = [clients.enter_context(Kept()) for _ in range(5)]
            stream.start()
            host.shell("systemctl reload haproxy")
        answer = host.good(answers[0])
        ends_well(stream)
        assert stream.versions == {before}
        assert "drain" not in answer.doc, "the stream in the old worker was waited for"
        assert [client.version() for client in kept] == [wanted] * len(kept)
    host.well()
