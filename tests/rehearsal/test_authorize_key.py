"""How a job of the pipeline gets its key onto hosts: tools/authorize_key.py, and the script that Run Command runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal import run_command, shell
from rehearsal.settings import ROOT
from tests.harness.moto import start_instance
from tools import authorize_key

from .conftest import REGION

KEY = f"ssh-ed25519 {'A' * 68}"
WANTED = {"document": "slipway-dev-authorize-key", "region": REGION, "environment": "slipway-dev"}
SCRIPT = ROOT / "terraform/modules/iam/authorize_key.sh.tftpl"
PATTERN = re.findall(r'allowedPattern = "(.*)"', (ROOT / "terraform/modules/iam/ci_key.tf").read_text())[0]


def document() -> dict[str, Any]:
    """As terraform/modules/iam/ci_key.tf makes it."""
    steps = [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": SCRIPT.read_text().splitlines()}}]
    rule = {"type": "String", "allowedPattern": PATTERN}
    return {"schemaVersion": "2.2", "parameters": {"publicKey": rule}, "mainSteps": steps}


class Session:
    """boto3's session, whose clients are those of the stand-in, or others."""

    def __init__(self, client: Any, **others: Any) -> None:
        self.make, self.others = client, others

    def client(self, service: str) -> Any:
        return self.others.get(service) or self.make(service)


def test_the_running_hosts_of_the_environment_take_the_key_and_no_other_ones(client: Any) -> None:
    ssm = client("ssm")
    ssm.create_document(
        Name=WANTED["document"], Content=json.dumps(document()), DocumentType="Command", DocumentFormat="JSON"
    )
    with pytest.raises(authorize_key.Refused, match="slipway-dev has no running host in eu-central-1"):
        authorize_key.authorize(Session(client), WANTED, KEY)
    host = start_instance(client("ec2"), Environment="slipway-dev", Role="host")
    start_instance(client("ec2"), Environment="slipway-prod", Role="host")
    start_instance(client("ec2"), Environment="slipway-dev", Role="bastion")
    stopped = start_instance(client("ec2"), Environment="slipway-dev", Role="host")
    client("ec2").stop_instances(InstanceIds=[stopped])
    assert authorize_key.authorize(Session(client), WANTED, KEY) == [host]
    (sent,) = ssm.list_commands()["Commands"]
    assert (sent["DocumentName"], sent["InstanceIds"]) == (WANTED["document"], [host])
    assert sent["Parameters"] == {"publicKey": [KEY]}


class Answers:
    """An SSM whose command ends as given, after having been under way."""

    class exceptions:  # as boto3 names it
        class InvocationDoesNotExist(Exception):
            pass

    def __init__(self, *ends: dict[str, str] | None) -> None:
        self.ends = list(ends)

    def send_command(self, **_: Any) -> dict[str, Any]:
        return {"Command": {"CommandId": "c-1"}}

    def get_command_invocation(self, **_: Any) -> dict[str, str]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if end is None:
            raise self.exceptions.InvocationDoesNotExist
        return end


def test_a_command_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    ssm = Answers(None, {"Status": "InProgress"}, {"Status": "Success"})
    assert authorize_key.outcome(ssm, "c-1", "i-1", 10) == "Success" and len(ssm.ends) == 1
    for end, said in (
        ({"Status": "Failed", "StandardErrorContent": "no such user\n"}, "Failed no such user"),
        ({"Status": "TimedOut"}, "TimedOut"),
    ):
        assert authorize_key.outcome(Answers({"Status": "Pending"}, end), "c-1", "i-1", 10) == said
    assert authorize_key.outcome(Answers({"Status": "InProgress"}), "c-1", "i-1", 0) == "InProgress"


def test_a_host_that_did_not_take_the_key_is_named(client: Any) -> None:
    host = start_instance(client("ec2"), Environment="slipway-staging", Role="host")
    failed = Session(client, ssm=Answers({"Status": "Failed", "StandardErrorContent": "disk full"}))
    with pytest.raises(authorize_key.Refused, match=f"not authorized on {host}: Failed disk full"):
        authorize_key.authorize(failed, WANTED | {"environment": "slipway-staging"}, KEY)


@pytest.mark.parametrize(
    ("said", "code", "word"),
    [
        ({"authorize_key": {"value": None}}, 0, "no host needs it"),
        ({"url": {"value": "https://dev.example.com"}}, 1, "has no output authorize_key: run terraform apply"),
        ({"authorize_key": {"value": WANTED}}, 1, "No public key at"),
        (None, 1, "terraform output failed"),
    ],
)
def test_what_is_missing_is_said(
    said: dict[str, Any] | None, code: int, word: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\nexit 1\n" if said is None else f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    given = ["dev", "--terraform", str(tmp_path), "--key", str(tmp_path / "none.pub")]
    assert authorize_key.main(given) == code
    assert word in " ".join(capsys.readouterr())


def test_only_an_ed25519_key_is_sent_and_without_its_comment(tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(f"{KEY} me@laptop\n")
    assert authorize_key.public_key(file) == KEY
    file.write_text("ssh-rsa AAAA me@laptop\n")
    with pytest.raises(authorize_key.Refused, match="no ed25519 key"):
        authorize_key.public_key(file)


def authorized(home: Path, key: str) -> list[str]:
    """Run the script with this home; the lines of authorized_keys."""
    programs = home.parent / "bin"
    programs.mkdir(exist_ok=True)
    shims = {
        "getent": f"echo admin:x:1:1::{home}:/bin/sh",
        "chown": "exit 0",
        "install": 'for last in "$@"; do :; done; mkdir -p "$last"',
    }
    for name, body in shims.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    script = run_command.rendered(document(), {"publicKey": [key]}).replace("${user}", "admin")
    subprocess.run(["sh", "-c", script], check=True, env={"PATH": f"{programs}:{os.environ['PATH']}"}, timeout=30)
    return (home / ".ssh/authorized_keys").read_text().splitlines()


def test_the_script_adds_the_key_for_two_hours_and_drops_those_that_have_expired(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    person = f"ssh-ed25519 {'B' * 68} person@laptop"
    expired = f'expiry-time="202001010000Z" ssh-ed25519 {"C" * 68} slipway-job'
    valid = f'expiry-time="299901010000Z" ssh-ed25519 {"D" * 68} slipway-job'
    (home / ".ssh/authorized_keys").write_text("\n".join([person, expired, valid, ""]))
    *kept, added = authorized(home, KEY)
    assert kept == [person, valid]
    assert re.fullmatch(r'expiry-time="\d{12}Z" ' + re.escape(KEY) + " slipway-job", added)
    assert oct((home / ".ssh/authorized_keys").stat().st_mode & 0o777) == "0o600"


def test_run_command_takes_nothing_but_a_key() -> None:
    for value in (f"{KEY} comment", f'{KEY[:-1]}"', f"{KEY}\nreboot"):
        with pytest.raises(shell.Failed, match="Run Command refuses publicKey"):
            run_command.rendered(document(), {"publicKey": [value]})
