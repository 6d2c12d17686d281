"""Actions that call releasectl: the request they send, the result they return, and the message of a failure."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.slipway.ops.plugins.action import canary, release, release_info, rollback
from ansible_collections.slipway.ops.plugins.plugin_utils import event_stream, lost, releasectl

IMAGE = "registry.test/inference@sha256:" + "1" * 64
LIVE = {
    "outcome": "live", "code": 0, "changed": True, "message": "v1.1.0 is live on blue", "rollback": "ready: v1.0.0",
    "release": {"id": 2, "version": "v1.1.0", "digest": "sha256:11"}, "previous": {"id": 1, "version": "v1.0.0"},
    "phases": [{"name": "start", "seconds": 0.5}, {"name": "switch", "seconds": 0.01}],
}  # fmt: skip
ARGS = {
    "service": "inference", "version": "v1.1.0", "image": IMAGE, "image_error": "",
    "registry_auth": {"username": "AWS", "password": "token"},
    "env": {"A": "1"}, "secrets": {"KEY": "hidden"}, "options": {}, "gates": {}, "strategy": None, "canary": {},
    "secret_versions": {}, "forward_only": False, "inventory_version": None, "prefetch": False, "model": {},
    "model_version": None, "reason": "why", "by": None,
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
    found._task = SimpleNamespace(check_mode=check, no_log=False)
    found._low_level_execute_command = host.run
    return found


def test_a_release_is_one_request() -> None:
    host = Host(0, LIVE)
    result = action(release, host).execute(ARGS, "web-1")
    command, request = host.asked[1]
    assert command == "/usr/local/bin/releasectl --service inference deploy --request - --json"
    assert request is not None
    assert request["image"] == IMAGE
    assert request["registry_auth"] == {"username": "AWS", "password": "token"}
    assert (request["secrets"], request["reason"]) == ({"KEY": "hidden"}, "why")
    assert not {"canary", "prefetch", "service", "image_error"} & set(request)
    assert not {"secret_versions", "inventory_version"} & set(request), "an engine from before would refuse them"
    assert "@" in request["by"]
    assert result["changed"]
    assert result["report"] == [
        "web-1: v1.0.0 → v1.1.0 is live", "sha256:11", "0.51 s: start 0.50 · switch 0.01", "rollback ready: v1.0.0",
    ]  # fmt: skip
    assert "hidden" not in json.dumps(result)


MODEL = {"path": "/c/10001", "owner": "10001:10001", "manifest": {"name": "m", "version": "m2"}, "url": "https://s3/?X"}


def test_a_model_is_fetched_to_the_host_before_the_request_unless_it_is_there() -> None:
    fetched: list[dict[str, Any]] = []

    def fetch(done: Any) -> Any:
        def run(**given: Any) -> Any:
            fetched.append(given["module_args"])
            return done

        return run

    for there, done in ((1, {"changed": True}), (0, None), (1, {"failed": True, "msg": "wrong checksum"})):
        host = Host("2026-01-01T00:00:00\n", "" if there == 0 else there, LIVE)
        it = action(release, host)
        it.variables = {}
        it._execute_module = fetch(done)
        result = it.execute({**ARGS, "model": MODEL, "model_version": "m2"}, "web-1")
        assert host.asked[1][0] == "test -d /c/10001/m/m2"
        # What is on its way to the host is none of the release's.
        assert (len(host.asked) == 3) == (result.get("failed") is None)
        assert "model" not in (host.asked[-1][1] or {})
    assert fetched == [MODEL, MODEL]
    assert (result["outcome"], result["code"], result["msg"]) == ("refused", 5, "wrong checksum")


def test_the_versions_of_secrets_go_along() -> None:
    host = Host(0, LIVE)
    versions = {"KEY": {"source": "ssm:/key", "version": "7"}}
    action(release, host).execute({**ARGS, "secret_versions": versions}, "web-1")
    assert (host.asked[1][1] or {})["secret_versions"] == versions


def test_the_version_of_the_inventory_goes_along() -> None:
    """Also the word that it names none."""
    for version in ("v1.0.0", ""):
        host = Host(0, LIVE)
        action(release, host).execute({**ARGS, "inventory_version": version}, "web-1")
        assert (host.asked[1][1] or {})["inventory_version"] == version


def test_a_reference_that_was_not_read_reaches_no_host() -> None:
    host = Host()
    with pytest.raises(AnsibleActionFail, match="the secrets KEY are references, which this run did not read"):
        action(release, host).execute({**ARGS, "secrets": {"KEY": {"ssm": "/key"}}}, "web-1")
    assert host.asked == []


def test_a_canary_has_its_steps_and_a_prefetch_only_the_image() -> None:
    host = Host(0, LIVE, 0, {"outcome": "prefetched", "code": 0, "message": "it is here"})
    action(release, host).execute({**ARGS, "strategy": "canary", "canary": {"steps": [5]}}, "web-1")
    result = action(release, host).execute({**ARGS, "prefetch": True}, "web-1")
    assert host.asked[1][1] is not None
    assert host.asked[1][1]["canary"] == {"steps": [5]}
    assert set(host.asked[3][1] or ()) == {"image", "registry_auth"}
    assert result["report"] == ["web-1: it is here"]


def test_a_check_on_a_clean_host_runs_no_engine() -> None:
    host = Host(1)
    result = action(release, host, check=True).execute(ARGS, "web-1")
    assert (result["outcome"], result["changed"]) == ("would_change", True)
    assert IMAGE in result["diff"]["after"]
    assert result["report"] == ["web-1: v1.1.0 would go live"]
    assert len(host.asked) == 1


@pytest.mark.parametrize(("callback", "no_log", "followed"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_events_are_followed_only_if_the_callback_prints_them(
    callback: bool, no_log: bool, followed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(event_stream, "is_open", lambda: callback)

    def follow(*args: Any) -> AbstractContextManager[None]:
        calls.append(args)
        return nullcontext()

    monkeypatch.setattr(releasectl, "follow", follow)
    task = action(release, Host(0, LIVE))
    task._task.no_log, task._connection, task._play_context = no_log, None, None
    task.execute(ARGS, "web-1")
    assert [it[2:] for it in calls] == [("inference", "web-1")] * followed


def test_an_image_that_is_not_known_is_the_host_s_to_judge() -> None:
    unknown = {**ARGS, "image": "", "registry_auth": None, "image_error": "Failed to get an ECR token: throttled"}
    failed = {"outcome": "failed", "code": 2, "message": "Failed to deploy", "cause": "no image", "hint": "name it"}
    host = Host(0, {**LIVE, "outcome": "unchanged", "changed": False}, 0, failed)
    assert not action(release, host).execute(unknown, "web-1")["changed"]
    assert (host.asked[1][1] or {})["image"] is None
    result = action(release, host).execute(unknown, "web-1")
    assert result["failed"]
    assert "throttled" in result["msg"], "why the image is not known"
    assert "v1.1.0 is not recorded on the host, so it cannot be deployed without the registry" in result["msg"]
    assert "no image" not in result["msg"] and "name it" not in result["msg"], "which would not help"
    with pytest.raises(AnsibleActionFail, match="throttled"):
        action(release, Host(0)).execute({**unknown, "prefetch": True}, "web-1")


@pytest.mark.parametrize("version", ["latest", "1.4.2", "v1.4", ""])
def test_a_text_that_is_no_version_is_refused_before_the_host_is_contacted(version: str) -> None:
    host = Host()
    with pytest.raises(AnsibleActionFail, match="is not a version"):
        action(release, host).execute({**ARGS, "version": version}, "web-1")
    assert host.asked == []


def test_a_failure_carries_cause_hint_and_last_lines() -> None:
    failed = {
        "outcome": "failed", "code": 3, "message": "Failed to roll back", "cause": "gate: 500", "hint": "See logs",
        "logs": ["boom"], "diff": {"before": {"b": 1, "a": 2}, "after": None},
    }  # fmt: skip
    asked = {"service": "inference", "to": "v1.0.0", "reason": "-it's slow", "by": "me"}
    host = Host(failed)
    result = action(rollback, host).execute(asked, "web-1")
    assert host.asked[0][0].endswith("rollback --to=v1.0.0 '--reason=-it'\"'\"'s slow' --by=me --json")
    assert result["failed"]
    assert result["msg"].splitlines() == [
        "Failed to roll back", "gate: 500", "See logs", "Log tail of the container:", "  boom",
    ]  # fmt: skip
    assert result["diff"]["before"] == '{\n  "a": 2,\n  "b": 1\n}\n'


ENTRY = {
    "kind": "deploy", "outcome": "live", "started": "2026-01-01T10:00:00.500Z", "cause": None, "logs": [],
    **{key: LIVE[key] for key in ("release", "previous", "phases")},
}  # fmt: skip
IDLE = {"code": 0, "changing": None, "live": {"release": {"version": "v1.0.0"}}}
CONNECTION_LOST = AnsibleConnectionFailure("Connection closed")


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
    result = action(release, Host("2026-01-01T10:00:00\n", CONNECTION_LOST, *after)).execute(ARGS, "web-1")
    assert (result["outcome"], bool(result.get("failed"))) == (outcome, outcome == "undone")
    assert result["changed"] is (outcome == "live")
    if outcome == "live":
        assert result["previous"] == LIVE["previous"]


@pytest.mark.parametrize(
    "after", [[CONNECTION_LOST] * 3, [IDLE, {"code": 0, "releases": []}]], ids=["gone", "not-begun"]
)
def test_a_host_that_stays_lost_is_unreachable(monkeypatch: pytest.MonkeyPatch, after: list[Any]) -> None:
    monkeypatch.setattr(lost, "PAUSE_S", 0.0)
    with pytest.raises(AnsibleConnectionFailure, match="Connection closed"):
        action(release, Host("2026-01-01T10:00:00\n", CONNECTION_LOST, *after)).execute(ARGS, "web-1")


def test_a_host_without_the_engine_and_an_engine_without_an_answer() -> None:
    asked = {"service": "inference", "to": None, "reason": "", "by": ""}
    with pytest.raises(AnsibleActionFail, match="Converge the host first"):
        action(rollback, Host(127)).execute(asked, "web-1")
    with pytest.raises(AnsibleActionFail, match=r"exited with code 137\. sh: what it said"):
        action(rollback, Host(137)).execute(asked, "web-1")


def test_check_mode_sends_no_command_to_a_canary() -> None:
    host = Host({"code": 0, "canary": {"percent": 5}})
    result = action(canary, host, check=True).execute({"service": "inference", "command": "abort", "by": "me"}, "web-1")
    assert "canary status" in host.asked[0][0]
    assert result["changed"]


def test_status_is_read_for_people_and_for_programs() -> None:
    host = Host({"code": 0, "live": None}, {"code": 0, "releases": [{"kind": "deploy"}]}, "nothing is live\n", "none\n")
    asked = {"service": "inference", "history": 3, "inventory_version": "v1.0.0"}
    result = action(release_info, host).execute(asked, "web-1")
    assert [" --inventory-version v1.0.0" in command for command, _ in host.asked] == [True, False, True, False]
    assert host.asked[1][0].endswith("history -n 3 --json")
    assert result["status"]["live"] is None
    assert result["history"] == [{"kind": "deploy"}]
    assert result["text"] == "nothing is live\nnone\n"
    assert not result["changed"]
