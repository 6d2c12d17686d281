"""Candidates that are not what they should be: the old release serves, and what they leave is nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad


def refused(fault: str, words: str, **more: object) -> host.Answer:
    """A deploy that fails with these words, and leaves everything as it was."""
    before, entries = host.live(), len(host.look()["history"])
    answer = host.deploy(host.request(host.other(before), fault, **more))
    assert answer.code == 3, answer
    assert words in answer.cause, answer
    seen = host.well(entries + 1)
    assert seen["history"][-1]["outcome"] == "failed"
    assert host.live() == before
    return answer


def test_exits_at_once(load: SteadyLoad) -> None:
    answer = refused("exits", "exited with code 1")
    assert "cannot open the model" in " ".join(answer.doc["logs"])
    assert sum(phase["seconds"] for phase in answer.doc["phases"]) < 5, "no deadline is waited out"


def test_hangs(load: SteadyLoad) -> None:
    with host.configured(deadlines_s={"liveness": 2}):
        refused("hangs", "liveness: waited 2 s for GET /health")


def test_is_ready_and_fails_at_its_work(load: SteadyLoad) -> None:
    golden = {"name": "one row", "path": "/predict", "body": {"instances": [[1]]}, "status": 200}
    refused("fails", "golden request 'one row': expected status 200, got 500", gates={**host.GATES, "golden": [golden]})


def test_takes_all_its_memory(load: SteadyLoad) -> None:
    refused("leaks", "out of memory (limit 64 MiB)")


def test_allows_one_host_and_insists_on_https(load: SteadyLoad) -> None:
    """Healthy for the gates as for a client, and its clients are not sent to plain HTTP, whatever it believes."""
    host.good(host.deploy(host.request(host.other(host.live()), "strict")))
    for path in ("/predict/", "/health/", "/anything/"):
        with requests.Session() as client:
            client.trust_env = False
            answer = client.post(
                lab.URL + path, json={"instances": [[1]]}, verify=str(lab.ROOTS), timeout=10, allow_redirects=False
            )
        assert (answer.status_code, answer.headers["Location"]) == (307, lab.URL + path.rstrip("/"))
    assert host.releasectl("status").doc["healthy"]
    host.good(host.deploy(host.request(host.other(host.live()))))
    host.well()


def test_does_not_hear_sigterm(load: SteadyLoad) -> None:
    """As a candidate that is undone, as a standby that makes room, and as the old release that is stopped."""
    deaf = {**host.request(host.other(host.live()), "deaf"), "gates": {**host.GATES, "version_path": "/ready"}}
    host.good(host.deploy(deaf))
    for _ in range(2):
        host.good(host.deploy(host.request(host.other(host.live()))))
    host.well()
    with host.configured(standby_s=0):
        host.good(host.deploy({**deaf, "env": {**deaf["env"], "TRY": "again"}}))
        answer = host.good(host.deploy(host.request(host.other(host.live()))))
    seconds = {phase["name"]: phase["seconds"] for phase in answer.doc["phases"]}
    assert 2.5 < seconds["standby"] < 10, "its stop timeout is 3 s"
    host.well()


@pytest.mark.parametrize("place", ["switch/Confirm", "drain/Drain", "bake/Bake"])
def test_dies_when_it_has_the_traffic(place: str) -> None:
    """The old release answers for it at once, and has the traffic again."""
    before, entries = host.live(), len(host.look()["history"])
    slot = "green" if lab.state()["live"]["slot"] == "blue" else "blue"
    with predictions(**host.LOAD) as load:
        load.wait_for(10)
        with host.configured(bake_s=5):
            answer = host.deploy_at(place, f"docker kill inference-{slot}", host.request(host.other(before)))
        end = time.monotonic()
        load.wait_for(20, what=lambda sample: sample.ok and sample.at > end)
        failed = load.failed
        assert answer.code == 3, answer
        assert "ended" in answer.cause
        assert failed == []
    seen = host.well(entries + 1)
    assert seen["history"][-1]["outcome"] == "failed"
    assert host.live() == before


@contextmanager
def port_taken(port: int) -> Iterator[None]:
    """A process of the host has it while the block runs."""
    program = f"import socket, sys; s = socket.create_server(('127.0.0.1', {port})); print('ready', flush=True); "
    process = subprocess.Popen(
        ("docker", "exec", "--interactive", lab.CONTAINER, "python3", "-c", f"{program}sys.stdin.read()"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(10)


def test_the_port_of_its_slot_is_in_use(load: SteadyLoad) -> None:
    """Of either slot: the process that has it is named, in a deploy and in a rollback, and the old release serves."""
    ports = json.loads(lab.on_host("cat", host.CONFIG))["slots"]
    with host.configured(standby_s=0):
        for _ in ports:
            # The other slot is empty afterwards.
            host.good(host.deploy(host.request(host.other(host.live()))))
            before, entries = host.live(), len(host.look()["history"])
            port = next(port for slot, port in ports.items() if slot != lab.state()["live"]["slot"])
            with port_taken(port):
                answers = [host.deploy(host.request(host.other(before))), host.releasectl("rollback")]
            for answer in answers:
                assert answer.code == 3, answer
                assert f"port 127.0.0.1:{port} is in use by python3 (process " in answer.cause, answer
            seen = host.well(entries + len(answers))
            assert [it["outcome"] for it in seen["history"][entries:]] == ["failed", "failed"]
            assert host.live() == before


def test_boots_behind_the_one_that_serves(load: SteadyLoad) -> None:
    """cpu.shares of the candidate against those of the live release, until it has passed its gates."""

    def shares() -> list[int]:
        live = host.look()["status"]["live"]["slot"]
        names = (f"inference-{slot}" for slot in sorted(("blue", "green"), key=live.__ne__))
        return [int(lab.on_host("docker", "inspect", "--format", "{{.HostConfig.CpuShares}}", name)) for name in names]

    with host.held("gate/CheckIdentity", host.request(host.other(host.live())), "deploy") as answers:
        assert shares() == [1024, 64]
    host.good(answers[0])
    assert shares() == [1024, 1024]
    host.well()


@contextmanager
def slow_restarts() -> Iterator[None]:
    """systemd waits for longer than a status takes, so that each end of a container is seen."""
    drop_in = "/run/systemd/system/inference@.service.d"
    text = "[Service]\\nRestartSec=5\\n"
    host.shell(f"mkdir -p {drop_in} && printf '{text}' > {drop_in}/slow.conf && systemctl daemon-reload")
    try:
        yield
    finally:
        host.shell(f"rm -r {drop_in} && systemctl daemon-reload")


def test_is_well_for_a_moment_and_then_ends_again_and_again() -> None:
    """Beyond every gate: systemd starts it each time, status says so, and one command leads back."""
    before = host.live()
    try:
        with host.configured(failover_after=0):
            _crumbles(before)
    except BaseException:
        # The next tests get two releases that are well.
        for version in (host.other(before), before):
            host.deploy(host.request(version))
        raise


def _crumbles(before: str) -> None:
    told = "exited with code 7"

    def tells() -> bool:
        # Its port is closed a moment before its end is known.
        status = lab.status_text()
        return "NOT HEALTHY" in status and "TROUBLE   the container of" in status and told in status

    with slow_restarts():
        host.good(host.deploy(host.request(host.other(before), "crumbles")))
        slot = lab.state()["live"]["slot"]
        lab.wait_until(tells, "status tells how it has ended")
    lab.wait_until(lambda: bool(host.releasectl("status").doc["healthy"]), "systemd has started it again")
    assert "NRestarts=0" not in host.shell(f"systemctl show --property NRestarts inference@{slot}")
    assert told in lab.status_text()
    # A candidate that fails meanwhile leaves the crashing one live, for there is nothing better.
    # Refused if it is down at that moment: then the standby answers for it.
    assert host.deploy(host.request(before, "exits")).code in (3, 8)
    assert lab.state()["live"]["slot"] == slot
    host.good(host.releasectl("rollback"))
    assert host.live() == before
    # It stands by now, and ends and starts there as before.
    lab.wait_until(lambda: bool(host.well()), "both are up at once")


def test_what_is_live_and_still_starts_is_not_deployed_beside_itself() -> None:
    doc = host.request(host.other(host.live()))
    host.good(host.deploy(doc))
    slot, entries = lab.state()["live"]["slot"], len(host.look()["history"])
    host.shell(f"systemctl stop inference@{slot}")
    answer = host.good(host.deploy(doc))
    assert answer.doc["outcome"] == "unchanged"
    assert lab.state()["live"]["slot"] == slot
    host.well(entries)
