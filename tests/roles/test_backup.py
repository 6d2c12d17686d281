"""The program that stores a host's backup in S3 and fetches it, with the real engine and a stand-in for S3."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from releasectl.documents import codec
from releasectl.model.model import Gates, Live, Options, Ref, Release, State

from tests.harness.serving import serving

ROOT = Path(__file__).parent.parent.parent
PROGRAM = ROOT / "roles/backup/files/slipway-backup"
BUCKET, KEY = "backups", "hosts/api.example.com.tar.gz"
AWS = {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "NO_PROXY": "127.0.0.1"}
REF = Ref(7, "v2.0.0", "registry.example/inference@sha256:" + "0" * 64)


class S3(ThreadingHTTPServer):
    """One bucket; of an object it keeps what was put, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects: list[bytes] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: S3

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != f"/{BUCKET}/{KEY}":
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>")
        self.server.objects.append(body)
        return self.answer(200)

    def do_HEAD(self) -> None:
        found = self.server.objects if self.path == f"/{BUCKET}/{KEY}" else []
        self.answer(200 if found else 404)

    def do_GET(self) -> None:
        self.answer(200, self.server.objects[-1])

    def answer(self, code: int, body: bytes = b"") -> None:
        self.send_response(code)
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with S3() as server, serving(server):
        yield server


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, of the hosts below."""
    path = tmp_path / "bin" / "releasectl"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/releasectl/src exec {sys.executable} -m releasectl "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    # The program sets it, here in the process of the tests: it must not outlive the test.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")


class Host:
    """A host's disk; its program is used as the timer and the role use it."""

    def __init__(self, root: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.homes, self.monkeypatch = root, root / "var/lib/slipway", monkeypatch
        self.homes.mkdir(parents=True)
        self.endpoint = endpoint
        (root / "etc/slipway").mkdir(parents=True)
        self.configure()

    def configure(self, **changed: Any) -> None:
        environment = {"AWS_ENDPOINT_URL_S3": self.endpoint}
        doc = {"bucket": BUCKET, "key": KEY, "region": "us-east-1", "environment": environment, **changed}
        (self.root / "etc/slipway/backup.json").write_text(json.dumps(doc))

    def deploy(self, since: float = 5.0) -> None:
        """As the engine records it."""
        home = self.homes / "inference"
        (home / "releases" / "7").mkdir(parents=True, exist_ok=True)
        (home / "state.json").write_text(json.dumps(codec.state_doc(State(Live(REF, "blue", since, "deploy")))))
        release = Release(REF, Options(), Gates(), (), ("TOKEN",), "alice", "", 5.0)
        (home / "releases" / "7" / "release.json").write_text(json.dumps(codec.release_doc(release)))
        for name in ("app.env", "secrets.env"):
            (home / "releases" / "7" / name).write_text("TOKEN=s3cret\n")

    @property
    def program(self) -> ModuleType:
        self.monkeypatch.setattr(sys, "dont_write_bytecode", True)
        loader = importlib.machinery.SourceFileLoader("slipway_backup", str(PROGRAM))
        spec = importlib.util.spec_from_loader("slipway_backup", loader)
        assert spec
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        for name in ("SETTINGS", "HOMES", "RESULT", "RESTORED"):
            setattr(module, name, str(self.root) + getattr(module, name))
        self.monkeypatch.setenv("SLIPWAY_ROOT", str(self.root))
        return module

    def run(self, command: str) -> str:
        """What it prints. Raises Failed."""
        module = self.program
        return str(module.COMMANDS[command](module.read(module.SETTINGS)))

    def fails(self, command: str) -> str:
        module = self.program
        with pytest.raises(module.Failed) as raised:
            module.COMMANDS[command](module.read(module.SETTINGS))
        return str(raised.value)

    @property
    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.homes / "backup.json").read_text()))


@pytest.fixture
def old(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path / "old", s3.endpoint, monkeypatch)
    host.deploy()
    return host


@pytest.fixture
def new(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path / "new", s3.endpoint, monkeypatch)


def test_a_new_host_gets_what_the_lost_one_has_stored(old: Host, new: Host) -> None:
    assert old.run("upload") == f"stored s3://{BUCKET}/{KEY}"
    assert json.loads(new.run("state"))["restore"].startswith(f"s3://{BUCKET}/{KEY} of 20")
    said = json.loads(new.run("restore"))
    assert said["complete"] and said["services"]["inference"]["id"] == 7
    for name in ("state.json", "releases/7/secrets.env"):
        assert (new.homes / "inference" / name).read_text() == (old.homes / "inference" / name).read_text()
    assert json.loads(new.run("state")) == {"restore": ""}


def test_only_a_change_or_a_day_stores_another(old: Host, s3: S3) -> None:
    old.run("upload")
    assert old.run("upload").startswith("nothing has changed since")
    assert len(s3.objects) == 1
    old.deploy(since=6.0)
    old.run("upload")
    assert len(s3.objects) == 2
    ago = datetime.now(timezone.utc) - timedelta(days=1, seconds=1)
    (old.homes / "backup.json").write_text(json.dumps({**old.result, "stored": ago.isoformat()}))
    old.run("upload")
    assert len(s3.objects) == 3


def test_a_host_without_records_stores_nothing_over_the_backup(old: Host, new: Host, s3: S3) -> None:
    old.run("upload")
    assert new.run("upload") == "this host has no record of a release yet"
    assert len(s3.objects) == 1


def test_without_a_backup_there_is_nothing_to_restore(new: Host) -> None:
    assert json.loads(new.run("state")) == {"restore": ""}


def test_a_host_with_records_does_not_ask(old: Host) -> None:
    old.run("upload")
    old.configure(environment={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"})
    assert json.loads(old.run("state")) == {"restore": ""}


def test_a_restore_that_was_cut_off_is_done_again(old: Host, new: Host) -> None:
    old.run("upload")
    new.deploy()
    (new.homes / "restored.json").write_text('{"complete": false}')
    assert json.loads(new.run("state"))["restore"]
    new.run("restore")
    assert json.loads(new.run("state")) == {"restore": ""}


def test_a_restored_release_is_started_unless_another_went_live_since(old: Host, new: Host) -> None:
    """An interrupted converge leaves the marker; a later one must not undo a deploy by it."""
    assert old.run("restored") == "", "nothing was restored"
    old.run("upload")
    new.run("restore")
    assert json.loads(new.run("restored"))["services"]["inference"]["version"] == "v2.0.0"
    state = State(Live(Ref(8, "v3.0.0", REF.image), "green", 9.0, "deploy"))
    (new.homes / "inference/state.json").write_text(json.dumps(codec.state_doc(state)))
    assert json.loads(new.run("restored")) == {"services": {}}
    (new.homes / "restored.json").write_text('{"complete": false}')
    assert new.run("restored") == "", "the restore has to be done again first"


def test_what_cannot_be_asked_is_not_taken_for_missing(new: Host) -> None:
    """Or a new host would issue another certificate and store a backup of its own over the old one."""
    new.configure(environment={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"})
    assert "Failed to look for s3://backups/hosts/api.example.com.tar.gz: " in new.fails("state")


def test_the_result_tells_since_when_and_why_it_fails(old: Host) -> None:
    old.run("upload")
    stored = old.result["stored"]
    old.deploy(since=6.0)
    old.configure(bucket="no-such-bucket")
    cause = old.fails("upload")
    first = old.result
    assert first["stored"] == stored and first["cause"] == cause and "NoSuchBucket" in cause
    old.fails("upload")
    assert old.result["failing_since"] == first["failing_since"]
    old.configure()
    old.run("upload")
    assert set(old.result) == {"stored", "digest", "place"}


def test_records_that_cannot_be_read_are_told_and_not_stored(old: Host, s3: S3) -> None:
    (old.homes / "inference/state.json").write_text("{")
    assert "state.json of inference cannot be read" in old.fails("upload")
    assert len(s3.objects) == 0 and "state.json" in old.result["cause"]


def converge(tmp_path: Path, state: str, *words: str) -> str:
    """What the role's run phase says, with a program that prints this state, and what it restores."""
    program = tmp_path / "slipway-backup"
    commands = f"state) echo '{state}' ;; restore) touch {tmp_path}/restored.json ;;"
    program.write_text(f"#!/bin/sh\ncase $1 in {commands} esac\n")
    program.chmod(0o755)
    role = ROOT / "roles/backup"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(role / part / "main.yml") for part in ("defaults", "vars")],
        "tasks": [{
            "ansible.builtin.import_tasks": str(role / "tasks/run.yml"),
            "vars": {"backup_bucket": "b", "_backup_program": str(program),
                     "_backup_restored": str(tmp_path / "restored.json")},
        }],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_check_mode_tells_that_a_run_would_restore(tmp_path: Path) -> None:
    said = converge(tmp_path, '{"restore": "s3://b/k of 2026-01-01"}', "--check")
    assert "Would restore this host from s3://b/k of 2026-01-01" in said and "changed=1" in said
    assert not (tmp_path / "restored.json").exists()


def test_a_run_restores_what_there_is_and_nothing_else(tmp_path: Path) -> None:
    assert "changed=0" in converge(tmp_path, '{"restore": ""}')
    assert not (tmp_path / "restored.json").exists()
    assert "changed=1" in converge(tmp_path, '{"restore": "s3://b/k of 2026-01-01"}')
    assert (tmp_path / "restored.json").exists()
