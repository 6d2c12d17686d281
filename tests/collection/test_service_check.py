"""slipway.ops.service_check: replies by the service's public name must match what the host has recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.action import service_check
from ansible_collections.slipway.ops.plugins.module_utils.session import Session
from releasectl.documents.fields import Fields
from releasectl.documents.release_fields import read_gates

from tests.harness.serving import serving

GOLDEN = {
    "name": "one", "path": "/predict", "method": "POST", "body": {"instances": [[1, 2]]}, "status": 200,
    "expect": {"predictions": [{"label": "a", "probability": 0.9}]}, "tolerance": 0.02,
}  # fmt: skip
REFUSED = {**GOLDEN, "name": "refused", "body": {"instances": []}, "status": 422, "expect": None}
STATUS: dict[str, Any] = {
    "code": 0, "live": {"release": {"version": "v1.1.0"}}, "changing": None, "troubles": [],
    "gates": {"version_path": "/version", "golden": [GOLDEN, REFUSED]},
}  # fmt: skip


class Service(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.version, self.probability, self.key = "v1.1.0", 0.91, ""


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.say(200, {"version": self.server.version})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("x-api-key", "")
        if key != self.server.key:
            self.say(401, {"error": f"who is {key}?"})
        elif not body["instances"]:
            self.say(422, {"error": "no rows"})
        else:
            self.say(200, {"predictions": [{"label": "a", "probability": self.server.probability}]})

    def say(self, status: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as server:
        yield server


def smoke_test(service: Service, status: dict[str, Any] = STATUS, check: bool = False, **given: Any) -> dict[str, Any]:
    action = service_check.ActionModule.__new__(service_check.ActionModule)
    action._task = SimpleNamespace(check_mode=check)
    answer = {"rc": status["code"], "stdout": json.dumps(status), "stderr": ""}
    action._low_level_execute_command = lambda command, in_data=None: answer
    url = f"http://127.0.0.1:{service.server_port}"
    args = {"service": "inference", "url": url, "secrets": {}, "aws": {}, "ca_path": None, "timeout_s": 5.0, **given}
    return dict(action.execute(args, "web-1"))


def keyed() -> dict[str, Any]:
    golden = {**GOLDEN, "headers": {"X-Api-Key": {"secret": "KEY"}, "X-Who": "slipway"}}
    return {**STATUS, "gates": {**STATUS["gates"], "golden": [golden]}}


def test_the_headers_of_the_gates_go_along_but_for_those_that_the_edge_sets(service: Service) -> None:
    service.key = "of-the-gates"
    gates = {**STATUS["gates"], "headers": {"X-Api-Key": {"secret": "KEY"}, "Host": "internal.example"}}
    assert "as recorded" in smoke_test(service, {**STATUS, "gates": gates}, secrets={"KEY": "of-the-gates"})["message"]
    asked = service_check.checks(read_gates(Fields(gates, "gates")), "v1.1.0", comparable=True)
    assert {tuple(it.name for it in question.headers) for _, question in asked} == {("X-Api-Key",)}


def test_right_answers_are_told(service: Service) -> None:
    message = smoke_test(service)["message"]
    assert f"http://127.0.0.1:{service.server_port}/predict answers {{" in message
    assert message.endswith("(v1.1.0, as recorded; golden requests: 2)")


def test_a_service_without_golden_requests_is_known_by_its_version(service: Service) -> None:
    bare = {**STATUS, "gates": {"version_path": "/version", "golden": []}}
    assert '/version answers {"version": "v1.1.0"}' in smoke_test(service, bare)["message"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"version": "v1.0.0"}, r'the version: answer.version: expected "v1.1.0", got "v1.0.0"'),
        (
            {"probability": 0.5},
            r"golden request 'one': answer.predictions\[0\].probability: expected 0.9 ± 0.02",
        ),
        ({"key": "secret"}, r"golden request 'one': expected status 200, got 401"),
    ],
)
def test_a_wrong_answer_is_named(service: Service, change: dict[str, Any], cause: str) -> None:
    vars(service).update(change)
    with pytest.raises(AnsibleActionFail, match=cause):
        smoke_test(service)


def test_a_release_without_either_is_not_proved(service: Service) -> None:
    with pytest.raises(AnsibleActionFail, match="neither a version path nor golden requests"):
        smoke_test(service, {**STATUS, "gates": {"golden": []}})


def test_nobody_who_answers_is_a_failure(service: Service) -> None:
    with pytest.raises(AnsibleActionFail, match="Failed to check https://127"):
        smoke_test(service, url="https://127.0.0.1:1")


def test_nothing_live_proves_nothing(service: Service) -> None:
    with pytest.raises(AnsibleActionFail, match="nothing is live"):
        smoke_test(service, {**STATUS, "live": None, "gates": None})


def test_an_engine_from_before_is_named(service: Service) -> None:
    with pytest.raises(AnsibleActionFail, match="Converge the host first"):
        smoke_test(service, {name: it for name, it in STATUS.items() if name != "gates"})


def test_what_the_host_refuses_to_say_is_the_result(service: Service) -> None:
    assert smoke_test(service, {"code": 6, "message": "state.json cannot be read"})["failed"]


def test_while_a_rollout_goes_on_answers_only_have_to_come(service: Service) -> None:
    service.version, service.probability = "v1.2.0", 0.1
    running = {**STATUS, "changing": "deploy v1.2.0 by bob for 3s"}
    assert "a rollout is running" in smoke_test(service, running)["message"]
    service.key = "secret"
    with pytest.raises(AnsibleActionFail, match="expected status 200"):
        smoke_test(service, running)


def test_a_key_is_sent_and_never_told(service: Service) -> None:
    service.key = "a-secret"
    smoke_test(service, keyed(), secrets={"KEY": "a-secret"})
    with pytest.raises(AnsibleActionFail, match="needs the secret KEY"):
        smoke_test(service, keyed())
    with pytest.raises(AnsibleActionFail, match="who is •••") as raised:
        smoke_test(service, keyed(), secrets={"KEY": "another-secret"})
    assert "another-secret" not in str(raised.value)
    with pytest.raises(AnsibleActionFail) as raised:
        smoke_test(service, keyed(), secrets={"KEY": 'quo"ted' * 100})
    assert "quo" not in str(raised.value), "neither as JSON writes it, nor the half before a cut"


def test_a_key_by_reference_is_read_if_a_header_needs_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get_parameters(Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        asked.extend(Names)
        return {"Parameters": [{"Name": name, "Value": "a-secret", "Version": 1} for name in Names]}

    monkeypatch.setattr(Session, "client", lambda *_: SimpleNamespace(get_parameters=get_parameters))
    service.key = "a-secret"
    smoke_test(service, keyed(), secrets={"KEY": {"ssm": "/p/key"}, "OTHER": {"ssm": "/p/other"}})
    assert asked == ["/p/key"]


def test_a_check_asks_nobody(service: Service) -> None:
    assert smoke_test(service, check=True, url="https://127.0.0.1:1")["skipped"]
