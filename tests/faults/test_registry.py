"""A registry that answers, but not as it should: Docker's own pull meets it, on the host (on_host/registry.py)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad
from tests.harness.on_host import registry

PORT = 5555
NEW = "v30.0.0"
"""A version that no host knows, and none ever will."""
MOVED = "v30.0.1"
"""A version of which the registry has another image than the host."""
TOKEN = "an-expired-token"

FOREIGN = "built for another platform: it is for linux/arm64, this host is linux/amd64"

# What is wrong → what is said of it, and what to do.
ANSWERS = {
    "throttled": ("the registry limits the request rate (", "Wait a minute"),
    "throttled-bare": ("the registry limits the request rate (", "Wait a minute"),
    "expired": ("the registry token has expired (", "Deploy again with the playbook"),
    "unauthorized": ("registry authentication failed (", "Deploy with the playbook, which fetches a token"),
    "denied": ("the registry denied access (", "ecr:BatchGetImage"),
    "denied-bare": ("the registry denied access (", "ecr:BatchGetImage"),
    "missing": ("does not have this image (", "was pushed to this repository"),
    "broken": ("the registry has an internal error (", "a rollback needs no registry"),
    "portal": ("what answered is no registry (", "A proxy or a login page"),
    "garbled": ("what the registry sent does not match its digest (", "Do not use it"),
    "torn": ("what the registry sent does not match its digest (", "Do not use it"),
    registry.LATE: (FOREIGN, "--platform linux/amd64"),
    "chart": ("this is not a container image (", "A Helm chart, a signature or another artifact"),
}


@pytest.fixture(scope="module", autouse=True)
def bad_registry() -> Iterator[None]:
    server = subprocess.Popen(
        ("docker", "exec", "--interactive", lab.CONTAINER, "python3", "-c",
         (host.HERE / "registry.py").read_text(), str(PORT)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert server.stdin and server.stdout and server.stdout.readline() == b"ready\n"
    yield
    server.stdin.close()
    server.wait(10)


def pulling(name: str) -> dict[str, Any]:
    """A deploy whose image is in a repository that misbehaves like this."""
    image = f"127.0.0.1:{PORT}/{name}@{registry.digest(registry.image(name)[0])}"
    return host.request(NEW, image=image, registry_auth={"username": "AWS", "password": TOKEN})


def undone(answers: list[host.Answer], before: str, entries: int) -> None:
    """Looked at once for all of them: an undo that leaves something leaves it for the next."""
    for answer in answers:
        assert answer.code == 5, answer
        assert TOKEN not in str(answer)
    seen = host.well(entries + len(answers))
    told = [(it["outcome"], it["cause"]) for it in seen["history"][entries:]]
    assert told == [("failed", answer.cause) for answer in answers]
    assert host.live() == before


def test_each_answer_is_told_for_what_it_is(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    answers = {name: host.deploy(pulling(name)) for name in ANSWERS}
    for name, (says, hint) in ANSWERS.items():
        assert says in answers[name].cause, (name, answers[name])
        assert hint in answers[name].doc["hint"], (name, answers[name])
    undone([*answers.values()], before, entries)
    assert "/arm64-late" not in host.shell("docker images --digests"), "what cannot run here does not stay"
    assert TOKEN not in host.shell("tail -n 200 /var/log/slipway/events.jsonl; ls -R /run/slipway")


@pytest.mark.parametrize("name", ["arm64", "arm64-list"])
def test_an_image_for_another_platform_is_refused_before_anything_starts(name: str, load: SteadyLoad) -> None:
    """By the digest of its own manifest, and of an index that lists no other."""
    before, entries = host.live(), len(host.look()["history"])
    answer = host.deploy(pulling(name))
    assert answer.code == 5, answer
    assert FOREIGN in answer.cause
    assert "--platform linux/amd64" in answer.doc["hint"]
    assert [it["name"] for it in answer.doc["phases"]] == ["lock", "recover", "preflight"]
    assert TOKEN not in str(answer)
    host.well(entries)
    assert host.live() == before
    assert f"/{name}" not in host.shell("docker images --digests")


def test_of_an_index_for_several_platforms_the_hosts_own_image_is_pulled(load: SteadyLoad) -> None:
    wanted = {key: value for key, value in pulling("both-list").items() if key in ("image", "registry_auth")}
    answer = host.good(host.releasectl("prefetch", "--request", "-", stdin=json.dumps(wanted)))
    assert answer.doc["outcome"] == "prefetched"
    found = json.loads(host.shell(f"docker image inspect {wanted['image']}"))[0]
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
    host.shell(f"docker rmi --force {found['Id']}")


def test_a_registry_that_is_slow_meets_the_deadline(load: SteadyLoad) -> None:
    """It takes the connection and says nothing; or it begins, and stops in the middle of a layer."""
    before, entries = host.live(), len(host.look()["history"])
    with host.configured(deadlines_s={"pull": 1}):
        answers = [host.deploy(pulling(name)) for name in ("slow", "stalled")]
        assert host.shell("ps -C docker -o args= || true") == "", "nobody pulls any more"
    for answer in answers:
        assert "it was not here within 1 s, the deadline of a pull" in answer.cause, answer
        assert "release_deadlines_s.pull" in answer.doc["hint"]
        assert 1 <= next(it["seconds"] for it in answer.doc["phases"] if it["name"] == "pull") < 4
    undone(answers, before, entries)


@pytest.mark.usefixtures("services")
def test_a_version_whose_tag_moved_is_refused(load: SteadyLoad) -> None:
    """The host has recorded another digest for this version than the registry has now."""
    lab.good(lab.build_faulty(MOVED, "plain"))
    gates = {**host.GATES, "version_path": None}
    host.good(host.deploy(host.request(MOVED, image=host.image(host.A), gates=gates)))
    entries = len(host.look()["history"])
    done = lab.deploy(MOVED)
    assert done.code != 0
    recorded, pushed = (host.image(it).partition("@")[2] for it in (host.A, MOVED))
    for words in (f"{MOVED} is recorded here as {recorded}", pushed, "the tag moved", "Versions are immutable",
                  f"releasectl rollback --to {MOVED}"):  # fmt: skip
        assert words in done.out, done.out[-3000:]
    assert len(host.look()["history"]) == entries
    assert host.live() == MOVED
    host.good(host.releasectl("rollback"))
