"""What a task makes of the engine's answer: the request it sends, the result it gives, the words of a failure."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.ops.plugins.action import canary, release, release_info, rollback
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session
from ansible_collections.slipway.ops.plugins.plugin_utils import lost
from ansible_collections.slipway.ops.plugins.plugin_utils.once import Once

IMAGE = "registry.test/inference@sha256:" + "1" * 64
LIVE = {
    "outcome": "live", "code": 0, "changed": True, "message": "v1.1.0 is live on blue", "rollback": "ready: v1.0.0",
    "release": {"id": 2, "version": "v1.1.0", "digest": "sha256:11"}, "previous": {"id": 1, "version": "v1.0.0"},
    "phases": [{"name": "start", "seconds": 0.5}, {"name": "switch", "seconds": 0.01}],
}  # fmt: skip
ASKED = {
    "service": "inference", "version": "v1.1.0", "registry": "registry.test", "repository": "inference", "aws": {},
    "env": {"A": "1"}, "secrets": {"KEY": "hidden"}, "options": {}, "gates": {}, "strategy": None, "canary": {},
    "prefetch": False, "kept_as": "", "model_version": None, "reason": "why", "by": None,
}  # fmt: skip


class Host:
    """Answers for a host: documents (or exit codes, or exceptions) in turn; `asked`: what was run, and its input."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any] | None]] = []

    def run(self, command: str, in_data: bytes | None = None) -> dict[str, Any]:
        self.asked.append((command, None if in_data is None else json.loads(in_data)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return {"rc": answer, "stdout": "", "stderr": "sh: what it said"}
        text = answer if isinstance(answer, str) else f"progress\n{json.dumps(answer)}\n"
        return {"rc": 0 if isinstance(answer, str) else answer["code"], "stdout": text, "stderr": ""}


def action(module: Any, host: Host, check: bool = False) -> Any:
    found = module.ActionModule.__new__(module.ActionModule)
    found._task = SimpleNamespace(check_mode=check)
    # No kind of connection that progress could be read from.
    found._connection = SimpleNamespace(become=None, transport="none")
    found._low_level_execute_command = host.run
    return found


@pytest.fixture(autouse=True)
def a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "RESOLVED", Once())


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "credentials", lambda session: registry.Credentials("AWS", "token"))
    monkeypatch.setattr(registry, "digest", lambda session, auth, **where: IMAGE.partition("@")[2])


@pytest.mark.usefixtures("resolved")
def test_a_release_is_one_request_with_what_was_resolved() -> None:
    host = Host(0, LIVE)
    result = action(release, host).act(ASKED, "web-1")
    command, request = host.asked[1]
    assert command == "/usr/local/bin/releasectl --service inference deploy --request - --json"
    assert request is not None
    assert request["image"] == IMAGE
    assert request["registry_auth"] == {"username": "AWS", "password": "token"}
    assert (request["secrets"], request["reason"]) == ({"KEY": "hidden"}, "why")
    assert not {"aws", "canary", "prefetch", "service"} & set(request), "no host needs a key of AWS"
    assert "@" in request["by"]
    assert result["changed"]
    assert result["report"] == [
        "web-1: v1.0.0 → v1.1.0 is live", "sha256:11", "0.51 s: start 0.50 · switch 0.01", "rollback ready: v1.0.0",
    ]  # fmt: skip
    assert "hidden" not in json.dumps(result)


@pytest.mark.usefixtures("resolved")
def test_a_canary_says_how_and_a_prefetch_only_what() -> None:
    host = Host(0, LIVE, 0, {"outcome": "prefetched", "code": 0, "message": "it is here"})
    action(release, host).act({**ASKED, "strategy": "canary", "canary": {"steps": [5]}}, "web-1")
    result = action(release, host).act({**ASKED, "prefetch": True}, "web-1")
    assert host.asked[1][1] is not None
    assert host.asked[1][1]["canary"] == {"steps": [5]}
    assert set(host.asked[3][1] or ()) == {"image", "registry_auth"}
    assert result["report"] == ["web-1: it is here"]


@pytest.fixture
def kept(resolved: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(image, tag) of what the registry was told to keep."""
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(release, "KEPT", Once())
    monkeypatch.setattr(registry, "is_tagged", lambda session, auth, **where: where["version"] == "deployed-there")
    monkeypatch.setattr(registry, "keep", lambda session, auth, image, tag: told.append((image, tag)))
    return told


@pytest.mark.parametrize(
    ("tag", "answer", "check", "told"),
    [
        ("deployed-prod", LIVE, False, 1),
        ("deployed-prod", {**LIVE, "outcome": "unchanged", "changed": False}, False, 1),
        ("deployed-there", LIVE, False, 0),
        ("", LIVE, False, 0),
        ("deployed-prod", LIVE, True, 0),
        ("deployed-prod", {**LIVE, "outcome": "failed", "code": 3}, False, 0),
    ],
    ids=["live", "live before", "has it", "none wanted", "a check", "failed"],
)
def test_the_registry_keeps_what_is_live(
    tag: str, answer: dict[str, Any], check: bool, told: int, kept: list[tuple[str, str]]
) -> None:
    asked = {**ASKED, "kept_as": tag}
    result = action(release, Host(0, answer, 0, answer), check).act(asked, "web-1")
    assert kept == [(IMAGE, tag)] * told
    assert not result.get("warnings")
    action(release, Host(0, answer, 0, answer), check).act(asked, "web-2")
    assert len(kept) == told, "once for all hosts"


def test_a_tag_that_could_not_be_given_is_a_warning(
    kept: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: Any) -> None:
        raise RegistryError("it answered 403")

    monkeypatch.setattr(registry, "keep", refuse)
    result = action(release, Host(0, LIVE)).act({**ASKED, "kept_as": "deployed-prod"}, "web-1")
    assert result["outcome"] == "live"
    assert "failed" not in result
    (warning,) = result["warnings"]
    assert "v1.1.0 is live, and its image could not be given the tag deployed-prod" in warning
    assert "403" in warning


@pytest.mark.usefixtures("resolved")
def test_a_check_on_a_clean_host_runs_no_engine() -> None:
    host = Host(1)
    result = action(release, host, check=True).act(ASKED, "web-1")
    assert (result["outcome"], result["changed"]) == ("would_change", True)
    assert IMAGE in result["diff"]["after"]
    assert result["report"] == ["web-1: v1.1.0 would go live"]
    assert len(host.asked) == 1


@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize(
    ("callback", "no_log", "answer", "out", "err"),
    [
        ("ansible.builtin.default", False, LIVE, "web-1: v1.0.0 → v1.1.0 is live\nsha256:11\n", ""),
        ("ansible.posix.json", False, LIVE, "", "web-1: v1.0.0 → v1.1.0 is live\nsha256:11\n"),
        ("ansible.builtin.default", True, LIVE, "", ""),
        ("ansible.builtin.default", False, {**LIVE, "outcome": "failed", "code": 3}, "", ""),
    ],
)
def test_a_person_is_told_what_came_of_it(
    callback: str, no_log: bool, answer: dict[str, Any], out: str, err: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    monkeypatch.setattr(ActionBase, "run", lambda *args: {})
    asking = action(release, Host(0, answer))
    asking._task.no_log = no_log
    asking.validate_argument_spec = lambda argument_spec: (None, ASKED)
    asking.run(None, {"inventory_hostname": "web-1"})
    said = capsys.readouterr()
    assert (said.out.startswith(out), said.err.startswith(err)) == (True, True)
    assert (bool(said.out), bool(said.err)) == (bool(out), bool(err))


def test_a_registry_that_cannot_be_asked_is_the_host_s_to_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(session: Session) -> registry.Credentials:
        raise RegistryError("Failed to get an ECR token: throttled")

    monkeypatch.setattr(registry, "credentials", refuse)
    failed = {"outcome": "failed", "code": 2, "message": "Failed to deploy", "cause": "not recorded here", "hint": "x"}
    host = Host(0, {**LIVE, "outcome": "unchanged", "changed": False}, 0, failed)
    assert not action(release, host).act(ASKED, "web-1")["changed"]
    result = action(release, host).act(ASKED, "web-1")
    assert result["failed"]
    assert "throttled" in result["msg"], "why the image is not known"
    assert "not recorded here" in result["msg"]
    with pytest.raises(AnsibleActionFail, match="throttled"):
        action(release, Host(0)).act({**ASKED, "prefetch": True}, "web-1")


def test_the_registry_is_asked_once_for_all_hosts_of_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = tmp_path / "asked"

    def credentials(session: Session) -> registry.Credentials:
        with asked.open("a") as file:
            file.write(f"{session.region}\n")
        time.sleep(0.2)
        return registry.Credentials("AWS", "token")

    def host(number: int) -> None:
        web = Host(0, LIVE)
        action(release, web).act({**ASKED, "aws": {"region": "a" if number else "b"}}, f"web-{number}")
        (tmp_path / f"{number}").write_text((web.asked[1][1] or {})["image"])

    monkeypatch.setattr(registry, "credentials", credentials)
    monkeypatch.setattr(registry, "digest", lambda session, auth, **where: IMAGE.partition("@")[2])
    # As Ansible does it: a forked process for each host.
    forked = multiprocessing.get_context("fork")
    workers = [forked.Process(target=host, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert {(tmp_path / str(number)).read_text() for number in range(4)} == {IMAGE}
    assert sorted(asked.read_text().split()) == ["a", "b"], "another question is asked for itself"


@pytest.mark.parametrize("version", ["latest", "1.4.2", "v1.4", ""])
def test_no_version_is_refused_before_anything_is_asked(version: str) -> None:
    host = Host()
    with pytest.raises(AnsibleActionFail, match="is not a version"):
        action(release, host).act({**ASKED, "version": version}, "web-1")
    assert host.asked == []


def test_a_failure_carries_cause_hint_and_last_lines() -> None:
    failed = {
        "outcome": "failed", "code": 3, "message": "Failed to roll back", "cause": "gate: 500", "hint": "See logs",
        "logs": ["boom"], "diff": {"before": {"b": 1, "a": 2}, "after": None},
    }  # fmt: skip
    asked = {"service": "inference", "to": "v1.0.0", "reason": "-it's slow", "by": "me"}
    host = Host(failed)
    result = action(rollback, host).act(asked, "web-1")
    assert host.asked[0][0].endswith("rollback --to=v1.0.0 '--reason=-it'\"'\"'s slow' --by=me --json")
    assert result["failed"]
    assert result["msg"].splitlines() == [
        "Failed to roll back", "gate: 500", "See logs", "The container's last lines:", "  boom",
    ]  # fmt: skip
    assert result["diff"]["before"] == '{\n  "a": 2,\n  "b": 1\n}\n'


ENTRY = {
    "kind": "deploy", "outcome": "live", "started": "2026-01-01T10:00:00.500Z", "cause": None, "logs": [],
    **{key: LIVE[key] for key in ("release", "previous", "phases")},
}  # fmt: skip
IDLE = {"code": 0, "changing": None, "live": {"release": {"version": "v1.0.0"}}}
CONNECTION_LOST = AnsibleConnectionFailure("Connection closed")


@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        # It goes on while it is looked for, and ends well.
        (({**IDLE, "changing": "deploy v1.1.0"}, IDLE, {"code": 0, "releases": [ENTRY]}), "live"),
        # The host cannot be reached for a moment.
        ((CONNECTION_LOST, IDLE, {"code": 0, "releases": [ENTRY]}), "live"),
        ((IDLE, {"code": 0, "releases": [{**ENTRY, "outcome": "undone", "cause": "gate: 500"}]}), "undone"),
        # The last one in the history is of another day: this one had nothing to do.
        (
            (
                {**IDLE, "live": {"release": {"version": "v1.1.0"}}},
                {"code": 0, "releases": [{**ENTRY, "started": "2025-01-01T00:00:00.000Z"}]},
            ),
            "unchanged",
        ),
    ],
)
def test_a_lost_connection_is_not_the_end_of_a_rollout(
    monkeypatch: pytest.MonkeyPatch, after: tuple[Any, ...], outcome: str
) -> None:
    monkeypatch.setattr(lost, "PAUSE_S", 0.0)
    result = action(release, Host("2026-01-01T10:00:00\n", CONNECTION_LOST, *after)).act(ASKED, "web-1")
    assert (result["outcome"], bool(result.get("failed"))) == (outcome, outcome == "undone")
    assert result["changed"] is (outcome == "live")
    if outcome == "live":
        assert result["previous"] == LIVE["previous"]


@pytest.mark.usefixtures("resolved")
@pytest.mark.parametrize(
    "after", [[CONNECTION_LOST] * 3, [IDLE, {"code": 0, "releases": []}]], ids=["gone", "not-begun"]
)
def test_a_host_that_stays_lost_is_unreachable(monkeypatch: pytest.MonkeyPatch, after: list[Any]) -> None:
    monkeypatch.setattr(lost, "PAUSE_S", 0.0)
    with pytest.raises(AnsibleConnectionFailure, match="Connection closed"):
        action(release, Host("2026-01-01T10:00:00\n", CONNECTION_LOST, *after)).act(ASKED, "web-1")


def test_a_host_without_the_engine_and_an_engine_without_an_answer() -> None:
    asked = {"service": "inference", "to": None, "reason": "", "by": ""}
    with pytest.raises(AnsibleActionFail, match="Converge the host first"):
        action(rollback, Host(127)).act(asked, "web-1")
    with pytest.raises(AnsibleActionFail, match=r"ended with 137\. sh: what it said"):
        action(rollback, Host(137)).act(asked, "web-1")


def test_a_check_tells_a_canary_nothing() -> None:
    host = Host({"code": 0, "canary": {"percent": 5}})
    result = action(canary, host, check=True).act({"service": "inference", "word": "abort", "by": "me"}, "web-1")
    assert "canary status" in host.asked[0][0]
    assert result["changed"]


def test_status_is_read_for_people_and_for_programs() -> None:
    host = Host({"code": 0, "live": None}, {"code": 0, "releases": [{"kind": "deploy"}]}, "nothing is live\n", "none\n")
    result = action(release_info, host).act({"service": "inference", "history": 3}, "web-1")
    assert host.asked[1][0].endswith("history -n 3 --json")
    assert result["status"]["live"] is None
    assert result["history"] == [{"kind": "deploy"}]
    assert result["text"] == "nothing is live\nnone\n"
    assert not result["changed"]
