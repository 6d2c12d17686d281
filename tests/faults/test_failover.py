"""The live container goes down beside a warm standby: nobody is failed, and it is told who answered and why."""

from __future__ import annotations

import time
from typing import Any

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.canaries import canary, running
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad

KILL = "docker kill --signal KILL inference-{slot}"


def warm() -> tuple[str, dict[str, Any]]:
    """The live slot and the state: a new release, and the one of before as its standby."""
    host.good(host.deploy(host.request(host.other(host.live()))))
    now = lab.state()
    assert now["standby"]
    return str(now["live"]["slot"]), now


def failovers() -> list[dict[str, Any]]:
    """The oldest first."""
    return [it for it in reversed(lab.history()) if it["kind"] == "failover"]


def down_and_up(slot: str, how: str) -> None:
    """One end of the live slot, until its run-slot has seen it ready again."""
    before = _ended()
    host.shell(how.format(slot=slot))
    lab.wait_until(lambda: bool(_ended() - before), "it is up again, and its events say so")


def _ended() -> set[str]:
    """When. Of the newest events: old ones leave."""
    newest = lab.events(2000)
    return {str(it["at"]) for it in newest if it["phase"] in ("failover", "outage") and it["event"] == "done"}


def test_the_standby_answers_however_the_live_slot_ends(load: SteadyLoad) -> None:
    with host.configured(failover_after=0):
        slot, now = warm()
        # Those of an earlier test that are not in the history yet.
        host.good(host.releasectl("recover"))
        known = {it["txn"] for it in failovers()}
        for how in (KILL, "docker rm --force inference-{slot}", "systemctl restart inference@{slot}"):
            down_and_up(slot, how)
        host.good(host.releasectl("recover"))
        told = [it for it in failovers() if it["txn"] not in known]
    assert [(it["release"], it["previous"], it["slot"]) for it in told] == [
        (now["standby"]["release"], now["live"]["release"], now["standby"]["slot"])
    ] * 3
    live = f"{now['live']['release']['version']} (release {now['live']['release']['id']})"
    causes = [it["cause"].removeprefix(f"{live} ") for it in told]
    assert causes[0] == "exited with code 137"
    # Docker may still know how the one ended that was removed.
    assert causes[1] in ("ended and was removed", "exited with code 137")
    assert causes[2] == "was stopped through systemd"
    host.good(host.releasectl("rollback"))
    host.well()


def test_status_says_who_answers_while_it_is_down(load: SteadyLoad) -> None:
    slot, now = warm()
    # Its container cannot start, so the slot stays down.
    host.shell(f"mv /usr/bin/docker /usr/bin/docker.away; kill -KILL $(docker.away inspect -f '{{{{.State.Pid}}}}' "
               f"inference-{slot})")  # fmt: skip
    try:
        told = "exited with code 137"
        lab.wait_until(lambda: lab.status()["failover"]["cause"].endswith(told), "status says who answers, and why")
        doc = lab.status()
        assert doc["failover"]["release"] == now["standby"]["release"]
        assert doc["healthy"] is False
        # It would have to make room for another one.
        refused = host.deploy(host.request(host.other(host.live())))
        assert refused.code == 8, refused
    finally:
        host.shell("mv /usr/bin/docker.away /usr/bin/docker")
    host.good(host.releasectl("rollback"))
    lab.wait_until(lambda: lab.status()["healthy"], "it is well")


def test_the_third_time_it_is_rolled_back(load: SteadyLoad) -> None:
    path = "/etc/slipway/inference/hooks/post-rollback"
    lab.write(path, "#!/bin/sh\ncat >> /run/heard")
    host.shell(f"chmod 755 {path}")
    try:
        # Two new ones: of the one before, status still tells that it was killed a moment ago.
        warm()
        slot, now = warm()
        for _ in range(2):
            down_and_up(slot, KILL)
        host.shell(KILL.format(slot=slot))
        host.wait_for(now["standby"]["release"]["version"])
        heard = host.shell("cat /run/heard")
    finally:
        host.shell(f"rm -f {path} /run/heard")
    entry = next(it for it in lab.history() if it["kind"] == "rollback")
    assert entry["by"] == "releasectl recover"
    assert "went down 3 times within 5 minutes; the last time it exited with code 137" in entry["reason"]
    assert '"hook": "post-rollback"' in heard and entry["reason"] in heard
    lab.wait_until(lambda: bool(host.well()), "what went down stands by")


def test_without_a_standby_lost_is_what_it_had_and_the_time_of_its_restart() -> None:
    slot, now = warm()
    host.shell(f"systemctl stop inference@{now['standby']['slot']}")
    host.good(host.releasectl("recover"))
    with predictions(**host.LOAD) as load:
        load.wait_for(10)
        begin = time.monotonic()
        down_and_up(slot, KILL)
        up = time.monotonic()
        load.wait_for(20, what=lambda sample: sample.ok and sample.at > up)
        failed = load.failed
    # Each waits for the edge's retries before it fails.
    assert all(begin - 1 < sample.at < up for sample in failed), failed
    host.good(host.deploy(host.request(host.other(host.live()))))
    host.well()


def test_a_canary_s_candidate_is_killed(load: SteadyLoad) -> None:
    """What it was given is answered by the live release, and it is given up all the same."""
    before = host.live()
    slot = host.look()["status"]["live"]["slot"]
    other = "green" if slot == "blue" else "blue"
    with running(canary(host.other(before), step_s=20), 30) as answers:
        host.shell(KILL.format(slot=other))
        lab.wait_until(lambda: bool(answers), "the canary is over")
    assert answers[0].code == 3, answers[0]
    assert host.live() == before
    host.recovered()
