"""Share by share: what only traffic shows ends a candidate early, and what is good goes to the end by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from math import sqrt

import pytest

from tests.harness import lab
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import Sample, SteadyLoad

GOLDEN = lab.GOLDEN[0]
RATE = 150.0
OLD, NEW, ERRORS, SLOW = "v1.0.0", "v2.0.0", "v10.0.0", "v11.0.0"


@pytest.fixture(scope="module", autouse=True)
def versions() -> None:
    lab.build_all({NEW: "", ERRORS: "errors_3_percent", SLOW: "slow"})
    # Recorded on the host, so that it can be deployed there without a registry.
    lab.start(OLD, recorded=NEW)


@pytest.fixture(autouse=True)
def begin_with_the_old_one() -> None:
    lab.set_live(OLD)


@pytest.fixture
def busy() -> Iterator[SteadyLoad]:
    """Enough requests for evidence within seconds; the test says itself which of them may fail."""
    with predictions(rate=RATE, clients=10) as load:
        load.wait_for(100)
        yield load


def seen(samples: list[Sample], version: str) -> list[Sample]:
    return [sample for sample in samples if sample.version == version]


def canary(version: str, steps: str, step_s: float) -> lab.Done:
    return lab.deploy(version, "-e", "strategy=canary", "-e", f"steps={steps}", "-e", f"step_s={step_s:g}")


def say(word: str) -> lab.Done:
    return lab.play("playbooks/canary.yml", *lab.LIMIT, "-e", f"canary_command={word}")


def percent() -> int:
    found = lab.status()["canary"]
    return int(found["percent"]) if found else 0


def held(share: int, *how: str) -> AbstractContextManager[None]:
    """A canary of NEW that stays until somebody ends it."""
    words = ("--version", NEW, "--canary", str(share), "--by", "e2e", *(how or ("--step", "1", "--hold")))
    return started(share, *words)


@contextmanager
def started(share: int, *words: str) -> Iterator[None]:
    """A canary that runs on the host, with nobody at the other end, and has come to its first step."""
    lab.good(lab.run("docker", "exec", "--detach", lab.CONTAINER, "releasectl", "deploy", *words))
    lab.wait_until(lambda: percent() == share, f"{share} % go to the canary")
    try:
        yield
    finally:
        lab.on_host("releasectl", "canary", "abort", check=False)
        lab.wait_until(lambda: lab.status()["changing"] is None, "the canary is over", within_s=90)


def share_of(load: SteadyLoad, version: str, count: int = 400) -> float:
    """Of the next so many answers."""
    begin = len(load.samples)
    load.wait_for(begin + count, what=lambda sample: True)
    return len(seen(load.samples[begin:], version)) / (len(load.samples) - begin)


@pytest.fixture
def no_metrics() -> Iterator[None]:
    """Their timer asks the service as well, which the edge counts."""
    lab.on_host("systemctl", "stop", "slipway-metrics@inference.timer")
    yield
    lab.on_host("systemctl", "start", "slipway-metrics@inference.timer")


def test_three_percent_of_errors_end_it_at_the_first_step(busy: SteadyLoad, no_metrics: None) -> None:
    before, slot = lab.answers(), "green" if lab.state()["live"]["slot"] == "blue" else "blue"
    done = canary(ERRORS, "5,25,50", 5)
    assert done.code != 0
    assert "canary at 5 % aborted" in done.out
    assert "of its requests failed, at most 1.0% may" in done.out
    assert lab.live_version() == OLD
    busy.wait_for(len(busy.samples) + 50, what=lambda sample: True)

    tried = seen(busy.samples, ERRORS)
    # The time in which it had a share, by the clients' clocks.
    during = [sample for sample in busy.samples if tried[0].at <= sample.at <= tried[-1].at]
    noise = 4 * sqrt(0.05 * 0.95 * len(during))
    assert len(tried) <= 0.05 * len(during) + noise, f"{len(tried)} of {len(during)} requests saw it"
    failed = [sample for sample in tried if not sample.ok]
    assert failed == busy.failed, "nobody else was failed"
    after = lab.answers()
    assert after[slot]["5xx"] - before[slot]["5xx"] == len(failed), "the edge counted what the clients saw"
    assert sum(after[slot].values()) - sum(before[slot].values()) == len(tried)
    print(f"{len(tried)} of {len(during)} requests saw it, {len(failed)} failed")


def test_three_times_slower_is_aborted(busy: SteadyLoad) -> None:
    done = canary(SLOW, "50", 5)
    assert done.code != 0
    assert "canary at 50 % aborted" in done.out
    assert "× as slow, at most 1.5 × is allowed" in done.out
    assert lab.live_version() == OLD
    assert busy.failed == []


def test_a_good_one_gets_all_the_traffic_unattended(busy: SteadyLoad) -> None:
    done = lab.good(canary(NEW, "5,25,50,100", 3))
    assert f"{OLD} → {NEW} is live" in done.out
    assert lab.live_version() == NEW
    assert lab.live_map().splitlines()[0] == f"live {lab.state()['live']['slot']}"
    assert "canary" not in lab.live_map()
    assert share_of(busy, NEW) == 1
    assert busy.failed == []
    steps = [event["percent"] for event in lab.events(500) if event["event"] == "step"]
    assert steps[-4:] == [5, 25, 50, 100]


def test_hold_then_abort(busy: SteadyLoad) -> None:
    with held(25, "--step", "300"):
        assert "accepted hold: " in lab.good(say("hold")).out
        lab.wait_until(lambda: lab.status()["canary"]["state"] == "hold", "it holds")
        assert abs(share_of(busy, NEW) - 0.25) < 4 * sqrt(0.25 * 0.75 / 400)
        assert "accepted abort: " in lab.good(say("abort")).out
        lab.wait_until(lambda: lab.status()["changing"] is None, "it is aborted")
    assert lab.live_version() == OLD
    assert share_of(busy, NEW, 100) == 0
    assert busy.failed == []
    assert lab.history()[0]["outcome"] == "failed"
    assert "aborted: by" in lab.history()[0]["cause"]
    assert "no canary is running" in lab.on_host("releasectl", "canary", "abort", check=False)


def test_promote(busy: SteadyLoad) -> None:
    with held(10):
        assert "accepted promote: " in lab.good(say("promote")).out
        lab.wait_until(lambda: lab.status()["changing"] is None, "it is promoted")
    assert lab.live_version() == NEW
    assert share_of(busy, NEW, 100) == 1
    assert busy.failed == []


def test_the_split_survives_a_restart_of_the_edge(busy: SteadyLoad) -> None:
    with held(25):
        lab.on_host("systemctl", "restart", "haproxy")
        busy.wait_for(len(busy.samples) + 50)
        assert abs(share_of(busy, NEW) - 0.25) < 4 * sqrt(0.25 * 0.75 / 400)
        assert percent() == 25, "the engine goes on"
        lab.on_host("releasectl", "canary", "promote")
        lab.wait_until(lambda: lab.status()["changing"] is None, "it is promoted")
    assert lab.live_version() == NEW


def test_a_killed_engine_s_canary_is_aborted_by_recovery(busy: SteadyLoad) -> None:
    with held(25):
        pid = json.loads(lab.on_host("cat", "/run/slipway/inference.lock"))["pid"]
        lab.on_host("kill", "-KILL", str(pid))
        lab.wait_until(lambda: lab.status()["changing"] is None, "it is dead")
        lab.on_host("releasectl", "recover")
    assert lab.status()["troubles"] == []
    assert lab.live_version() == OLD
    assert lab.live_map().splitlines()[0] == f"live {lab.state()['live']['slot']}"
    assert "canary" not in lab.live_map()
    assert share_of(busy, NEW, 100) == 0
    lab.only_live_and_standby_run()
    assert busy.failed == []


STICKY = {
    "edge_canary_sticky_header": "X-Variant",
    "edge_canary_sticky_api_key": "X-Api-Key",
    "edge_canary_sticky_cookie": "sid",
    "edge_canary_cookie": "side",
}
CLIENTS = [
    {name: form.format(number)}
    for name, form in (("X-Variant", "team-{}"), ("X-Api-Key", "key-{}"), ("Cookie", "sid=visit-{}"))
    for number in range(15)
]


@pytest.fixture
def sticky() -> Iterator[None]:
    def converge(settings: dict[str, str]) -> None:
        lab.good(lab.play("site.yml", *lab.LIMIT, "--tags", "edge", "-e", json.dumps(settings)))

    converge(STICKY)
    yield
    converge(dict.fromkeys(STICKY, ""))


def versions_of(clients: list[dict[str, str]]) -> list[str]:
    """Which version answers each of them."""
    return [answer.json()["version"] for answer in lab.asked_as(clients)]


def test_one_client_sees_one_version(sticky: None) -> None:
    """By header, API key and cookie; through a reload, a restart and a share that grows; and both sides are counted."""
    enough = 200
    split = {"steps": [30, 60], "step_s": 0, "min_requests": enough, "max_latency_ratio": 1000, "hold": True}
    lab.write("/run/split.json", json.dumps({"version": NEW, "canary": split}))
    with started(30, "--request", "/run/split.json"):
        first = versions_of(CLIENTS)
        for begin in range(0, len(CLIENTS), 15):
            assert set(first[begin : begin + 15]) == {OLD, NEW}, "each way of being known divides them"
        for command in ("reload", "restart"):
            lab.on_host("systemctl", command, "haproxy")
            lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the edge answers")
            assert versions_of(CLIENTS) == first, command
        # A header goes before an API key.
        new, old = (CLIENTS[first.index(version)]["X-Variant"] for version in (NEW, OLD))
        both = [{"X-Variant": name, "X-Api-Key": key} for name in (new, old) for key in ("key-1", "key-2", "key-3")]
        assert versions_of(both) == [NEW] * 3 + [OLD] * 3

        assert percent() == 30
        versions_of([{"X-Variant": new}] * enough)
        lab.wait_until(lambda: percent() == 60, "the share grows")
        later = versions_of(CLIENTS)
        assert {now for was, now in zip(first, later, strict=True) if was == NEW} == {NEW}, "who was there stays"
        assert later.count(NEW) > first.count(NEW)

        # The edge's own cookie, for who has none of it.
        given = lab.asked_as([{}])[0]
        assert all(word in given.headers["Set-Cookie"] for word in ("side=", "Secure", "HttpOnly", "SameSite=Lax"))
        sides = [{"Cookie": f"side={side}"} for side in (given.cookies["side"], 0, 59, 60, 99)]
        assert versions_of(sides) == [given.json()["version"], NEW, NEW, OLD, OLD]
        assert "Set-Cookie" not in lab.asked_as([sides[0]])[0].headers

        assert {slot for slot, counts in lab.answers().items() if counts["2xx"] > 0} == {"blue", "green"}
        for port in (18080, 18081):
            assert re.search(r'^http_requests_total\{.*"/version".*\} [1-9]', lab.metrics(port), re.M), port
    assert "Set-Cookie" not in lab.asked_as([{}])[0].headers, "only while it lasts"
