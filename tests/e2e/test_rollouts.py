"""v1 → v2 → a broken v3 and a wrong v4 → v1, under a steady load that loses nothing."""

from __future__ import annotations

import json

import pytest
import requests

from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

# The readiness deadline of the host, shorter for these tests: what never becomes ready is waited for this long.
READINESS_S = 12


@pytest.fixture(scope="module", autouse=True)
def versions() -> None:
    lab.start("v1.0.0")
    lab.build_all({"v2.0.0": "", "v3.0.0": "never_ready", "v4.0.0": "wrong_prediction", "v5.0.0": "exits"})
    path = "/etc/slipway/inference/service.json"
    config = json.loads(lab.on_host("cat", path))
    config["deadlines_s"]["readiness"] = READINESS_S
    lab.on_host("sh", "-c", f"echo '{json.dumps(config)}' > {path}")


# Nothing of it is for a shell, for Ansible or for Jinja.
REASON = """-faster: it's "{{ x }}" #42 $HOME `id` é a=b"""


def test_check_mode_shows_what_a_deploy_would_change() -> None:
    done = lab.good(lab.deploy("v2.0.0", "--check", "--diff"))
    assert '-  "version": "v1.0.0"' in done.out
    assert '+  "version": "v2.0.0"' in done.out
    assert lab.live_version() == "v1.0.0"


def test_the_whole_story_fails_no_request(load: SteadyLoad) -> None:
    done = lab.good(lab.deploy("v2.0.0", "-e", json.dumps({"reason": REASON})))
    assert "v2.0.0" in done.out
    assert lab.live_version() == "v2.0.0"
    assert lab.ask("/version").json()["version"] == "v2.0.0"

    never_ready = lab.deploy("v3.0.0")
    assert never_ready.code != 0
    assert "readiness" in never_ready.out
    assert "still waiting for a model that never comes" in never_ready.out, "the container's last lines"
    assert lab.live_version() == "v2.0.0"

    done = lab.good(lab.make("rollback", "VERSION=v1.0.0", "REASON=drill"))
    assert lab.live_version() == "v1.0.0"
    assert lab.ask("/version").json()["version"] == "v1.0.0"
    served = [sample.version for sample in load.samples if sample.version]
    assert set(served) == {"v1.0.0", "v2.0.0"}


def test_a_wrong_prediction_is_refused(load: SteadyLoad) -> None:
    done = lab.deploy("v4.0.0")
    assert done.code != 0
    assert "golden request" in done.out
    assert "unheard-of" in done.out, "what it answered"
    assert lab.live_version() == "v1.0.0"
    lab.predicts_right()


def test_a_container_that_exits_fails_at_once(load: SteadyLoad) -> None:
    done = lab.deploy("v5.0.0")
    assert done.code != 0
    assert "cannot open the model" in done.out
    phases = next(entry for entry in lab.history() if entry["release"]["version"] == "v5.0.0")["phases"]
    waited_s = sum(phase["seconds"] for phase in phases if phase["name"] in ("start", "gate"))
    assert waited_s < READINESS_S, "it must not wait out the readiness deadline"
    assert lab.live_version() == "v1.0.0"


def test_rollback_without_a_name_goes_to_the_release_before(load: SteadyLoad) -> None:
    lab.good(lab.deploy("v2.0.0"))
    lab.good(lab.make("rollback"))
    assert lab.live_version() == "v1.0.0"


def test_deploying_what_is_live_changes_nothing() -> None:
    done = lab.good(lab.deploy("v1.0.0"))
    assert done.recap[lab.HOST]["changed"] == 0
    assert "live already" in done.out


def test_history_says_who_why_and_how_long() -> None:
    assert REASON in [entry["reason"] for entry in lab.history()]
    drill = next(entry for entry in lab.history() if entry["reason"] == "drill")
    assert drill["outcome"] == "live"
    assert drill["kind"] == "rollback"
    assert drill["by"]
    assert {"switch", "drain"} <= {phase["name"] for phase in drill["phases"]}


def test_the_registry_is_told_what_to_keep() -> None:
    """By the tags that its lifecycle goes by (terraform/modules/registry): what was live, and no failed candidate."""
    (token,) = lab.aws("ecr").get_authorization_token()["authorizationData"]
    url = "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/v2/inference"
    # Who does not say which kinds of manifest it reads gets an old one, made for it, with another digest for each tag.
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    headers = {"Authorization": f"Basic {token['authorizationToken']}", "Accept": kind}

    def ask(path: str) -> requests.Response:
        answer = requests.get(f"{url}/{path}", headers=headers, verify=lab.AWS["AWS_CA_BUNDLE"], timeout=10)
        answer.raise_for_status()
        return answer

    kept = {tag for tag in ask("tags/list").json()["tags"] if tag.startswith("deployed-")}
    assert {"deployed-local-v1.0.0", "deployed-local-v2.0.0"} <= kept
    assert not {f"deployed-local-v{number}.0.0" for number in (3, 4, 5)} & kept
    digests = {ask(f"manifests/{tag}").headers["Docker-Content-Digest"] for tag in ("v2.0.0", "deployed-local-v2.0.0")}
    assert len(digests) == 1


def test_failed_candidates_leave_nothing_behind() -> None:
    containers = lab.on_host("docker", "ps", "--all", "--format", '{{.Label "slipway.version"}}').split()
    assert not {"v3.0.0", "v4.0.0", "v5.0.0"} & set(containers)
    assert lab.on_host("sh", "-c", "ls -A /run/slipway | grep -v -e lock -e fate || true") == ""


def test_the_registry_token_is_nowhere_on_the_host() -> None:
    found = lab.on_host("grep", "-rlE", "registry_auth|\"auths\"", "/var/lib/slipway", "/etc/slipway", "/run/slipway",
                        "/var/log/slipway", "/root", check=False)  # fmt: skip
    assert found == ""
