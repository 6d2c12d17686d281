"""A canary while something breaks, and what people say to it at a bad moment: it goes on or ends, never half."""

from __future__ import annotations

import json
import threading
import time
from random import Random

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.canaries import FIRST, SECOND, canary, running, until_ended, wait_shown
from tests.harness.daemons import SLACK_S, docker_answers, edge_answers
from tests.harness.killed_engine import killed_everywhere
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad


def say(word: str, by: str = "bob") -> host.Answer:
    return host.releasectl("canary", word, "--by", by)


def both_are_seen(load: SteadyLoad) -> bool:
    """Of the next answers, some are of the one release and some of the other."""
    begin = len(load.samples)
    load.wait_for(begin + 40, what=lambda sample: True)
    return {sample.version for sample in load.samples[begin:] if sample.ok} == {host.A, host.B}


@pytest.mark.parametrize(("on_interrupt", "fate"), [("abort", "failed"), ("resume", "live")])
def test_an_engine_that_is_killed_at_any_step(load: SteadyLoad, on_interrupt: str, fate: str) -> None:
    """The places are those that a canary tells itself."""
    way = host.places(canary(host.other(host.live())), "deploy")
    steps = [place for place in way if place.startswith("canary/")]
    assert {"canary/WriteSplit#2", "canary/SetSplit#2", "canary/JudgeStep#2"} <= set(steps)

    def command(place: str, to: str) -> host.Answer:
        return host.deploy_at(place, "kill", canary(to, on_interrupt=on_interrupt))

    # What is resumed takes the whole way: every second place is enough there.
    fates = killed_everywhere(steps if fate == "failed" else steps[2::4], "deploy", command, ways_back=False)
    assert set(fates.values()) == {fate}, fates


@pytest.mark.parametrize("command", ["reload", "restart", "kill --signal KILL"])
def test_the_split_survives_the_edge(command: str) -> None:
    """Lost is only what HAProxy had when it went, and nothing by a reload. The canary then ends live."""
    wanted = host.other(host.live())
    with predictions(**host.LOAD) as load:
        load.wait_for(10)
        with host.held("canary/JudgeStep#2", canary(wanted), "deploy") as answers:
            begin = time.monotonic()
            host.shell(f"systemctl {command} haproxy")
            edge_answers()
            end = time.monotonic()
            assert both_are_seen(load)
        load.wait_for(len(load.samples) + 10, what=lambda sample: True)
        lost = [it for it in load.failed if command == "reload" or it.at > end + SLACK_S or it.at + it.seconds < begin]
    host.good(answers[0])
    assert lost == []
    host.well()
    assert host.live() == wanted


def test_the_edge_is_killed_between_the_map_file_and_the_running_map() -> None:
    before = host.live()
    wanted = host.other(before)
    with predictions(**host.LOAD):
        answer = host.deploy_at("canary/SetSplit#2", "systemctl kill --signal KILL haproxy", canary(wanted))
        edge_answers()
        host.recovered()
    assert answer.code in (0, 8), answer
    assert answer.code == 0 or "HAProxy does not answer" in answer.cause
    assert host.live() == (wanted if answer.code == 0 else before)


def test_an_edge_that_hangs_ends_it_with_the_reason(load: SteadyLoad) -> None:
    before = host.live()
    with host.configured(deadlines_s={"switch": 1}):
        try:
            stop = "systemctl kill --signal STOP haproxy"
            answer = host.deploy_at("canary/JudgeStep", stop, canary(host.other(before), wait_s=0.5))
        finally:
            host.shell("systemctl kill --signal CONT haproxy")
    assert answer.code == 8, answer
    assert "too little traffic to judge" in answer.cause
    assert "HAProxy does not answer" in answer.cause
    host.recovered()
    assert host.live() == before


def test_dockerd_restarted(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    host.good(host.deploy_at("canary/JudgeStep", "systemctl restart docker", canary(wanted)))
    docker_answers()
    host.recovered()
    assert host.live() == wanted


def test_another_person_hears_who_runs_it_and_may_abort_it(load: SteadyLoad) -> None:
    before = host.live()
    wanted = host.other(before)
    doc = canary(wanted, hold=True, by="alice", steps=[FIRST])
    with host.configured(deadlines_s={"lock": 0}), running(doc, FIRST, "hold") as answers:
        for answer in (host.releasectl("rollback", "--to", before), host.deploy(host.request(before, by="bob"))):
            assert answer.code == 4, answer
            assert f"deploy {wanted} by alice since" in answer.cause
            assert "releasectl canary abort" in answer.doc["hint"]
        assert both_are_seen(load), "and it goes on"
        host.good(say("abort"))
        until_ended()
    assert answers[0].code == 3
    assert "aborted: by bob" in answers[0].cause
    host.well()
    assert host.live() == before


def test_words_when_nobody_listens(load: SteadyLoad) -> None:
    before = host.live()
    for word in ("promote", "abort", "hold"):
        answer = say(word)
        assert (answer.code, answer.cause) == (2, "no canary is running")
    assert host.deploy_at("canary/WriteSplit#2", "kill", canary(host.other(before))).code == 137
    answer = say("abort")
    assert answer.code == 2, answer
    assert f"is gone, which left it at {FIRST} %" in answer.cause
    assert "releasectl recover" in answer.doc["hint"]
    host.recovered()
    assert host.live() == before


def test_what_was_heard_is_what_is_done(load: SteadyLoad) -> None:
    """About the time at which the last step ends; whoever comes too late is told so."""
    random = Random(7)
    outcomes = []
    for _ in range(3):
        before = host.live()
        wanted = host.other(before)
        with running(canary(wanted, steps=[SECOND], step_s=2), SECOND) as answers:
            time.sleep(random.uniform(0.5, 2))
            said = [say("abort"), say("abort")]
            until_ended()
        heard = said[0].code == 0
        assert said[0].code in (0, 2) and said[1].code in (0, 2), said
        assert answers[0].code == (3 if heard else 0), (said, answers)
        assert host.live() == (before if heard else wanted)
        outcomes.append(heard)
    host.well()
    print(f"heard: {outcomes}")


def test_a_hold_outlives_its_engine(load: SteadyLoad) -> None:
    """What a person has said holds for the engine that goes on, until somebody says something else."""
    wanted = host.other(host.live())
    with running(canary(wanted, step_s=60, on_interrupt="resume"), FIRST):
        host.good(say("hold", "alice"))
        pid = json.loads(lab.on_host("cat", "/run/slipway/inference.lock"))["pid"]
        host.shell(f"kill -KILL {pid}")
        until_ended()
        thread = threading.Thread(target=host.releasectl, args=("recover",), daemon=True)
        thread.start()
        wait_shown(FIRST, "hold")
        assert both_are_seen(load)
        promoted = [say("promote"), say("promote")]
        thread.join(30)
        until_ended()
    assert promoted[0].code == 0 and promoted[1].code in (0, 2), promoted
    host.well()
    assert host.live() == wanted
