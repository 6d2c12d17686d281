"""The notifying hook, as the engine runs it: a document on its standard input, where to in a file beside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.harness.serving import serving

HOOK = Path(__file__).parent.parent.parent / "roles/release/files/notify"
DOCUMENT: dict[str, Any] = {
    "hook": "post-switch", "service": "inference", "kind": "deploy", "txn": "1", "slot": "green", "by": "alice",
    "release": {"version": "v2.0.0"}, "previous": {"version": "v1.0.0"}, "reason": "faster", "code": 0, "cause": None,
}  # fmt: skip
FAILED = {**DOCUMENT, "hook": "on-failure", "code": 3, "cause": "readiness: waited 60 s", "reason": ""}
REPAIRED = {**DOCUMENT, "hook": "post-recovery", "kind": "recovery", "previous": None, "reason": "the hook was 0644"}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:rollouts"


class Receiver(HTTPServer):
    """Answers with `status` and keeps what it hears."""

    status = 204

    def __init__(self, answer: type[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), answer)
        self.heard: list[Any] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/s3cret"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def body(self) -> str:
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.body()))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver(Answer)) as server:
        yield server


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    (tmp_path / "hooks").mkdir()
    return Path(shutil.copy(HOOK, tmp_path / "hooks/post-switch"))


def run(hook: Path, document: dict[str, Any], settings: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
    if settings is not None:
        (hook.parent.parent / "notify.json").write_text(json.dumps(settings))
    # A host has no profile.
    environ = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    return subprocess.run(
        [sys.executable, str(hook)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (DOCUMENT, ": v2.0.0 is live, was v1.0.0 (deploy by alice: faster)"),
        ({**DOCUMENT, "previous": None}, ": v2.0.0 is live (deploy by alice: faster)"),
        (FAILED, ": deploy of v2.0.0 failed (readiness: waited 60 s), by alice"),
        (REPAIRED, ": repaired by recovery: the hook was 0644"),
    ],
)
def test_a_webhook_gets_the_document_and_a_sentence(
    installed: Path, receiver: Receiver, document: dict[str, Any], words: str
) -> None:
    done = run(installed, document, {"webhook": receiver.address, "sns_topic": ""})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (heard,) = receiver.heard
    text = heard.pop("text")
    assert heard == document
    assert text.startswith("inference on ") and text.endswith(words)


@pytest.mark.parametrize("status", [500, 302])
def test_a_webhook_that_does_not_take_it_is_told_of_without_its_address(
    installed: Path, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    done = run(installed, DOCUMENT, {"webhook": receiver.address})
    assert done.returncode == 1
    assert f"Failed to notify the webhook: it returned {status}" in done.stderr
    assert "s3cret" not in done.stderr
    assert len(receiver.heard) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/s3cret", "s3cret", "http://[s3cret", "gopher://s3cret/"])
def test_an_address_that_cannot_be_reached_is_not_shown(installed: Path, address: str) -> None:
    done = run(installed, DOCUMENT, {"webhook": address})
    assert done.returncode == 1
    assert "Failed to notify the webhook: " in done.stderr
    assert "s3cret" not in done.stderr


class Sns(Answer):
    """Answers as SNS does, in XML."""

    def do_POST(self) -> None:
        self.server.heard.append(dict(parse_qsl(self.body())))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(
            b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
            if self.server.status == 200
            else b"<ErrorResponse><Error><Code>NotFound</Code><Message>no such topic</Message></Error></ErrorResponse>"
        )


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with serving(Receiver(Sns)) as server:
        server.status = 200
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield server


def test_a_topic_is_told(installed: Path, sns: Receiver) -> None:
    odd = {**FAILED, "by": "jürgen", "cause": f"it said:\n{'x' * 200}"}
    done = run(installed, odd, {"webhook": "", "sns_topic": TOPIC})
    assert done.returncode == 0, done.stderr
    (heard,) = sns.heard
    assert (heard["Action"], heard["TopicArn"]) == ("Publish", TOPIC)
    assert json.loads(heard["Message"])["cause"] == odd["cause"]
    # SNS refuses a subject of any other kind.
    assert re.fullmatch(r"inference on .* failed \(it said: x+", heard["Subject"])
    assert heard["Subject"].isascii() and len(heard["Subject"]) < 100


def test_a_topic_that_is_not_there_is_said_once(installed: Path, sns: Receiver) -> None:
    sns.status = 404
    done = run(installed, FAILED, {"webhook": "", "sns_topic": TOPIC})
    assert done.returncode == 1
    assert "Failed to publish to SNS: " in done.stderr and "no such topic" in done.stderr
    assert len(sns.heard) == 1


def test_a_host_without_boto3_says_how_it_gets_it(installed: Path) -> None:
    (installed.parent / "boto3.py").write_text("raise ImportError")
    done = run(installed, FAILED, {"webhook": "", "sns_topic": TOPIC})
    assert done.returncode == 1
    assert "boto3 is not installed on this host. Run: ansible-playbook site.yml --limit HOST" in done.stderr


def test_without_anybody_to_tell_nothing_happens(installed: Path) -> None:
    assert run(installed, DOCUMENT, None).returncode == 0
