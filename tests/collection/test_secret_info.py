"""Secrets by reference: which calls AWS gets, what comes back, and which sentence a failure is."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.action import secret_info
from ansible_collections.slipway.ops.plugins.module_utils.session import Session
from ansible_collections.slipway.ops.plugins.plugin_utils import secret_store
from ansible_collections.slipway.ops.plugins.plugin_utils.secret_store import SecretError, references

VALUE = "correct horse battery staple"
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:p/token-AbCdEf"
DATABASE = {"user": "service", "password": VALUE, "port": 5432, "replicas": []}


class Aws:
    """Secrets Manager and Parameter Store, as far as they are asked; `calls` has the names of each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[list[str]] = []
        self.secrets: dict[str, Any] = {"p/token": VALUE, "p/db": json.dumps(DATABASE)}
        self.errors: dict[str, str] = {}
        self.parameters = {"/p/url": "https://upstream.test"}
        monkeypatch.setattr(Session, "client", lambda *_: self)

    def batch_get_secret_value(self, SecretIdList: list[str], NextToken: str = "") -> dict[str, Any]:
        self.calls.append(SecretIdList)
        names = {id_: "p/token" if id_.startswith("arn:") else id_ for id_ in SecretIdList}
        held = [self.secret(name) for name in dict.fromkeys(names.values()) if name in self.secrets]
        errors = [
            {"SecretId": id_, "ErrorCode": self.errors.get(name, "ResourceNotFoundException"), "Message": "no"}
            for id_, name in names.items()
            if name not in self.secrets
        ]
        # One with a page, as AWS may.
        start = int(NextToken or 0)
        more = {"NextToken": str(start + 1)} if start + 1 < len(held) else {}
        return {"SecretValues": held[start : start + 1], "Errors": errors, **more}

    def secret(self, name: str) -> dict[str, Any]:
        value = self.secrets[name]
        kind = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        arn = ARN if name == "p/token" else f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-GhIjKl"
        return {"Name": name, "ARN": arn, "VersionId": f"version-of-{name}", kind: value}

    def get_parameters(self, Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        self.calls.append(Names)
        found = [{"Name": it, "Value": self.parameters[it], "Version": 7} for it in Names if it in self.parameters]
        return {"Parameters": found, "InvalidParameters": [it for it in Names if it not in self.parameters]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return Aws(monkeypatch)


def read(**secrets: Any) -> dict[str, Any]:
    action = secret_info.ActionModule.__new__(secret_info.ActionModule)
    action._task = SimpleNamespace(check_mode=False, args={})
    args = {"service": "inference", "secrets": secrets, "aws": {"region": "eu-central-1"}}
    return action.execute(args, "h1")


def test_values_take_the_place_of_references_with_the_version_that_was_read(aws: Aws) -> None:
    found = read(
        PLAIN="from the vault",
        TOKEN={"secretsmanager": "p/token"},
        PASSWORD={"secretsmanager": "p/db", "key": "password"},
        PORT={"secretsmanager": "p/db", "key": "port"},
        URL={"ssm": "/p/url"},
    )
    assert found["secrets"] == {
        "PLAIN": "from the vault", "TOKEN": VALUE, "PASSWORD": VALUE, "PORT": "5432", "URL": "https://upstream.test",
    }  # fmt: skip
    assert found["versions"] == {
        "TOKEN": {"source": "secretsmanager:p/token", "version": "version-of-p/token"},
        "PASSWORD": {"source": "secretsmanager:p/db#password", "version": "version-of-p/db"},
        "PORT": {"source": "secretsmanager:p/db#port", "version": "version-of-p/db"},
        "URL": {"source": "ssm:/p/url", "version": "7"},
    }
    assert not found["changed"] and "failed" not in found


@pytest.mark.parametrize("arn", [ARN, ARN[:-7]], ids=["whole", "without-suffix"])
def test_a_secret_is_found_by_its_arn(aws: Aws, arn: str) -> None:
    assert read(TOKEN={"secretsmanager": arn})["secrets"] == {"TOKEN": VALUE}


def test_aws_is_asked_once_for_many_and_not_at_all_for_none(aws: Aws) -> None:
    assert read(PLAIN="text")["secrets"] == {"PLAIN": "text"} and aws.calls == []
    aws.parameters = {f"/p/{n:02}": "x" for n in range(12)}
    read(**{f"P{n}": {"ssm": f"/p/{n:02}"} for n in range(12)}, AGAIN={"ssm": "/p/00"})
    assert [len(names) for names in aws.calls] == [10, 2], "as many as one call may ask for"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ({"secretsmanager": "p/tokne"}, "inference.secrets.X: Secrets Manager in eu-central-1 has no value of p/tokne"),
        ({"secretsmanager": "p/tokne"}, "aws secretsmanager put-secret-value --secret-id p/tokne"),
        ({"ssm": "/p/ulr"}, "inference.secrets.X: Parameter Store in eu-central-1 has no /p/ulr"),
        ({"secretsmanager": "p/db", "key": "pasword"}, "under the key pasword; its keys: password, port, replicas"),
        ({"secretsmanager": "p/db", "key": "replicas"}, "no text or number under the key replicas"),
        ({"secretsmanager": "p/token", "key": "a"}, "p/token is not a JSON object"),
        ({"secretsmanager": "p/bytes"}, "p/bytes is binary"),
        ({"secretsmanager": "p/denied"}, "the AWS identity lacks the permission"),
        ({"secretsmanager": "p/deleted"}, "p/deleted in Secrets Manager"),
        ({"ssm": "/p/url", "key": "a"}, "a reference is {secretsmanager: NAME}"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_with_the_place_and_the_next_command(
    aws: Aws, reference: dict[str, str], says: str
) -> None:
    aws.secrets["p/bytes"] = b"\x00"
    aws.errors = {"p/denied": "AccessDeniedException", "p/deleted": "InvalidRequestException"}
    found = read(X=reference, TOKEN={"secretsmanager": "p/token"})
    assert found["failed"] and says in found["msg"] and "inference.secrets.X" in found["msg"]
    assert "playbooks/rollback.yml" in found["msg"]
    assert VALUE not in json.dumps(found), "no value is in what a failure returns"


def test_a_refusal_of_the_whole_call_names_all_that_it_was_for(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise secret_store.refusal("AccessDeniedException", "not authorized to perform: ssm:GetParameters")

    monkeypatch.setattr(aws, "get_parameters", refuse)
    found = read(A={"ssm": "/p/a"}, B={"ssm": "/p/b"})
    assert "inference.secrets.A, inference.secrets.B from Parameter Store: the AWS identity lacks" in found["msg"]


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"secret": VALUE}, {"secretsmanager": ""}, {"secretsmanager": 1}, {"secretsmanager": "a", "ssm": "b"},
        {"secretsmanager": "a", "version": VALUE}, {"secretsmanager": "a", "key": None},
    ],
)  # fmt: skip
def test_a_wrong_form_is_refused_without_quoting_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(SecretError, match=r"services\.a\.secrets\.X: a reference is") as raised:
        references({"X": wrong}, "services.a.secrets")
    assert VALUE not in str(raised.value)
