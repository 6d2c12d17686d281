"""What keeps a rollout from doing harm: the bake, one at a time, hooks, images that are there before, maintenance."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.harness import lab, network
from tests.harness.daemons import edge_command
from tests.harness.load.predictions import predictions
from tests.harness.load.steady import SteadyLoad

OLD, NEW, WRONG, TURNS_BAD, WELL, IDLE = "v1.0.0", "v2.0.0", "v4.0.0", "v12.0.0", "v13.0.0", "v14.0.0"
HEARD, FREEZE = "/run/slipway-heard.jsonl", "/run/slipway-freeze"
WEBHOOK = "http://127.0.0.1:9099/s3cret"
HOOKS = ("pre-deploy", "post-switch", "on-failure")


@pytest.fixture(scope="module", autouse=True)
def versions() -> None:
    lab.build_all({NEW: "", WRONG: "wrong_prediction", TURNS_BAD: "turns_bad", WELL: "none", IDLE: "none"})
    lab.start(OLD, recorded=NEW)


@pytest.fixture(autouse=True)
def begin_with_the_old_one() -> None:
    lab.set_live(OLD)


@pytest.fixture
def traffic() -> Iterator[SteadyLoad]:
    """A steady load; the test says itself which requests may fail."""
    with predictions(rate=100) as load:
        load.wait_for(50)
        yield load


@pytest.fixture
def front_door() -> Iterator[dict[str, str]]:
    """The service as a client reaches it from the host, which does not trust the lab's authority by itself."""
    path = "/run/slipway-roots.pem"
    lab.good(lab.run("docker", "cp", str(lab.ROOTS), f"{lab.CONTAINER}:/etc/slipway/roots.pem"))
    lab.on_host("mv", "/etc/slipway/roots.pem", path)
    yield {"name": lab.NAME, "ca": path}
    lab.on_host("rm", path)


def served_after(load: SteadyLoad, count: int = 60) -> set[str]:
    begin = len(load.samples)
    load.wait_for(begin + count, what=lambda sample: True)
    assert all(sample.ok for sample in load.samples[begin:])
    return {sample.version for sample in load.samples[begin:]}


class TestBake:
    def test_a_release_that_turns_bad_is_taken_back(self, traffic: SteadyLoad) -> None:
        with lab.settings(bake_s=15):
            done = lab.deploy(TURNS_BAD)
        assert done.code != 0
        assert "bake: " in done.out
        assert "of the requests failed after the switch" in done.out
        assert lab.live_version() == OLD
        assert served_after(traffic) == {OLD}
        assert {(sample.version, sample.status) for sample in traffic.failed} == {(TURNS_BAD, 500)}
        seconds = traffic.failed[-1].at - traffic.failed[0].at
        assert seconds < 5, f"clients were failed for {seconds:.1f} s"
        last = lab.history()[0]
        assert (last["release"]["version"], last["outcome"]) == (TURNS_BAD, "failed")
        print(f"clients were failed for {seconds:.2f} s, {len(traffic.failed)} requests")

    def test_a_good_one_is_seen_through_the_front_door(self, load: SteadyLoad, front_door: dict[str, str]) -> None:
        with lab.settings(bake_s=3, front_door=front_door):
            result = json.loads(lab.on_host("releasectl", "deploy", "--version", NEW, "--json"))
        assert result["outcome"] == "live"
        assert result["warnings"] == []
        assert next(it["seconds"] for it in result["phases"] if it["name"] == "bake") >= 3

    def test_a_front_door_that_names_another_version_takes_it_back(self, front_door: dict[str, str]) -> None:
        """Somebody moves the traffic beside the engine."""
        old = lab.state()["live"]["slot"]
        with lab.settings(bake_s=20, front_door=front_door):
            lab.good(lab.run("docker", "exec", "-d", lab.CONTAINER, "releasectl", "deploy", "--version", NEW))
            lab.wait_until(lambda: lab.status()["routed"] != old, "it is switched")
            lab.wait_until(lambda: lab.events(1)[0]["phase"] == "bake", "it bakes")
            edge_command(f"set map /var/lib/slipway/inference/live.map live {old}\n")
            lab.wait_until(lambda: lab.status()["changing"] is None, "it is over")
        assert "bake: front door: GET /version must report version v2.0.0" in lab.history()[0]["cause"]
        assert lab.live_version() == OLD
        assert lab.ask("/version").json()["version"] == OLD


class TestStopFirst:
    def test_a_bad_candidate_brings_the_old_one_back(self, traffic: SteadyLoad) -> None:
        done = lab.deploy(WRONG, "-e", "strategy=stop_first")
        assert done.code != 0
        assert "golden request" in done.out
        assert lab.live_version() == OLD
        assert served_after(traffic) == {OLD}
        # Nobody was answered by the candidate, and nobody was left without an answer.
        assert {sample.status for sample in traffic.failed} == {503}
        assert {sample.version for sample in traffic.samples if sample.version} == {OLD}
        lab.only_live_and_standby_run()

    def test_a_good_one_is_live_and_nothing_stands_by(self, traffic: SteadyLoad) -> None:
        # A warm standby would be switched to: there is room for two then.
        lab.set_live(WELL)
        lab.set_live(OLD)
        lab.good(lab.deploy(NEW, "-e", "strategy=stop_first"))
        assert lab.live_version() == NEW
        assert lab.state()["standby"] is None
        assert served_after(traffic) == {NEW}
        assert {sample.status for sample in traffic.failed} == {503}
        lab.only_live_and_standby_run()


# Nothing of it is for a shell, for Ansible or for Jinja.
REASON = """-slow: it's "{{ x }}" #42 $HOME `id` é"""


class TestHooks:
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def installed(cls) -> Iterator[None]:
        path = str(lab.ROOT / "tests/e2e/hooks/listen")
        hooks = json.dumps({"release_hooks": dict.fromkeys(HOOKS, path), "release_notify_webhook": WEBHOOK})
        words = ("--tags", "release", "--skip-tags", "rollout", "-e", hooks)
        lab.good(lab.play("site.yml", *lab.LIMIT, *words))
        yield
        # Then no role has them any more, and the status does not call them changed.
        lab.on_host("sh", "-c", f"cd /etc/slipway/inference; rm -f hooks/* notify.json {HEARD} {FREEZE}")
        lab.good(lab.play("site.yml", *lab.LIMIT, "--skip-tags", "rollout"))
        assert not [it for it in lab.status()["troubles"] if it.startswith("changed since")]

    @pytest.fixture(autouse=True)
    def in_silence(self) -> None:
        lab.on_host("rm", "-f", HEARD, FREEZE)

    def heard(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in lab.on_host("cat", HEARD).splitlines()]

    def test_pre_deploy_refuses(self, load: SteadyLoad) -> None:
        lab.on_host("touch", FREEZE)
        done = lab.deploy(NEW)
        assert done.code != 0
        assert "hook pre-deploy" in done.out
        assert "change freeze until Monday" in done.out
        assert [it["hook"] for it in self.heard()] == ["pre-deploy"]
        assert lab.live_version() == OLD

    def test_on_failure_hears_why(self, load: SteadyLoad) -> None:
        assert lab.deploy(WRONG, "-e", json.dumps({"reason": REASON})).code != 0
        first, last = self.heard()
        assert (first["hook"], last["hook"], last["code"]) == ("pre-deploy", "on-failure", 3)
        assert "golden request" in str(last["cause"])
        assert last["reason"] == REASON

    def test_post_switch_hears_what_is_live(self, load: SteadyLoad) -> None:
        lab.good(lab.deploy(NEW))
        last = self.heard()[-1]
        assert last["hook"] == "post-switch"
        assert (last["release"]["version"], last["previous"]["version"]) == (NEW, OLD)  # type: ignore[index]

    def test_a_webhook_is_told_of_a_rollback(self, load: SteadyLoad) -> None:
        """By the hook that the role brings, where no other is wanted in its place."""
        lab.set_live(NEW)
        receive = (lab.ROOT / "tests/e2e/hooks/receive").read_text()
        lab.good(lab.run("docker", "exec", "--detach", lab.CONTAINER, "python3", "-c", receive))
        lab.wait_until(lambda: ":9099" in lab.on_host("ss", "-tln"), "somebody listens")
        result = json.loads(lab.on_host("releasectl", "rollback", "--to", OLD, f"--reason={REASON}", "--json"))
        assert result["warnings"] == []
        head, _, body = lab.on_host("cat", HEARD).partition("\n\n")
        assert head.startswith("POST /s3cret ")
        document = json.loads(body)
        assert document["hook"] == "post-rollback"
        assert document["text"].endswith(f"{OLD} is live, was {NEW} (rollback by {document['by']}: {REASON})")
        # Nobody listens any more: a warning, without the address.
        result = json.loads(lab.on_host("releasectl", "rollback", "--to", NEW, "--json"))
        assert "Failed to notify the webhook: " in result["warnings"][0]
        assert lab.on_host("stat", "-c", "%a", "/etc/slipway/inference/notify.json").strip() == "600"
        assert lab.on_host("grep", "-rl", "s3cret", "/etc", "/var/lib/slipway", "/var/log", check=False).split() == [
            "/etc/slipway/inference/notify.json"
        ]


# The installed engine, as if the week were over: no clock of a container can be set.
A_WEEK_LATER = """
import sys
sys.path.insert(0, "/usr/local/bin/releasectl")
from releasectl import cli
from releasectl.commands import prune
prune.PREFETCHED_S = -1.0
sys.exit(cli.main(["prune", "--json"]))
"""


def images() -> set[str]:
    """On the host, by digest."""
    listed = lab.on_host("docker", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
    return {it for it in listed if not it.endswith("@<none>")}


def test_a_prefetched_version_that_nobody_deploys_goes() -> None:
    before = images()
    lab.good(lab.play("playbooks/prefetch.yml", *lab.LIMIT, "-e", f"version={IDLE}"))
    (image,) = images() - before
    lab.on_host("releasectl", "prune")
    assert image in images()
    pruned = json.loads(lab.on_host("python3", "-c", A_WEEK_LATER))
    assert pruned["pruned"] == [image]
    assert image not in images()


def test_a_prefetched_version_is_deployed_without_its_registry(load: SteadyLoad) -> None:
    recorded = {entry["release"]["image"] for entry in lab.history() if entry["release"]["version"] == WELL}
    for image in recorded & images():
        lab.on_host("docker", "image", "rm", "--force", image)
    prefetch = ("playbooks/prefetch.yml", *lab.LIMIT, "-e", f"version={WELL}")
    assert lab.good(lab.play(*prefetch)).recap[lab.HOST]["changed"] == 1
    again = lab.good(lab.play(*prefetch))
    assert again.recap[lab.HOST]["changed"] == 0
    assert "on this host already" in again.out
    assert lab.live_version() == OLD
    registry = lab.status()["live"]["release"]["image"].split("/")[0]
    with network.unreachable(registry):
        lab.good(lab.deploy(WELL))
    assert lab.live_version() == WELL
    pulls = [event for event in lab.events(100) if event["phase"] == "pull" and event["event"] == "done"]
    assert pulls[-1]["seconds"] < 1


def test_maintenance_stays_until_somebody_ends_it() -> None:
    said = lab.good(lab.fab("maintenance", "on", "--reason", "new disks"))
    assert "in maintenance since" in said.out
    try:
        answer = lab.ask("/version")
        assert (answer.status_code, answer.json()["error"]) == (503, "maintenance")
        assert answer.headers["Retry-After"]
        said = lab.fab("status")
        assert (said.code, "NOT SERVING: maintenance since" in said.out, "new disks" in said.out) == (2, True, True)
        assert "already" in lab.good(lab.fab("maintenance", "on")).out

        lab.on_host("releasectl", "recover")
        lab.on_host("systemctl", "restart", "haproxy")
        lab.wait_until(lambda: lab.ask("/version").status_code == 503, "still in maintenance")
        assert "in maintenance" in lab.on_host("releasectl", "deploy", "--version", NEW)
        assert lab.live_version() == NEW
        assert lab.ask("/version").status_code == 503
        assert lab.status()["troubles"] == []
    finally:
        lab.good(lab.fab("maintenance", "off"))
    assert lab.ask("/version").json()["version"] == NEW
    assert lab.status()["maintenance"] is None


def test_fab_speaks_to_a_canary(load: SteadyLoad) -> None:
    assert "no canary is running" in lab.good(lab.fab("canary", "status")).out
    assert lab.fab("canary", "abort").code == 2
    words = ("deploy", "--version", NEW, "--canary", "20", "--step", "1", "--hold")
    lab.good(lab.run("docker", "exec", "--detach", lab.CONTAINER, "releasectl", *words))
    lab.wait_until(lambda: lab.status()["canary"] is not None, "it runs")
    assert f"{NEW} on" in lab.good(lab.fab("canary", "status")).out
    assert "accepted abort: " in lab.good(lab.fab("canary", "abort")).out
    lab.wait_until(lambda: lab.status()["changing"] is None, "it is over")
    assert "@" in lab.history()[0]["cause"], "by whom"
    assert lab.live_version() == OLD
