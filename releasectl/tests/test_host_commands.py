"""Commands of the host, such as `edge` and `certificate`: they need no service and no record of releases."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from releasectl.documents.host_settings import load, read_edge, read_tls
from releasectl.model.errors import Code, Failure

from releasectl import cli, host_commands

from .certificates import NAME, document

EDGE = {
    "config": "/etc/haproxy/haproxy.cfg", "previous_config": "/run/before", "haproxy_socket": "/run/sock",
    "reload_timeout_s": 10,
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "etc" / "slipway"
    folder.mkdir(parents=True)
    (folder / "edge.json").write_text(json.dumps(EDGE))
    (folder / "tls.json").write_text(
        json.dumps(document(certificate=str(tmp_path / "it.pem"), served_at="127.0.0.1:1"))
    )
    return tmp_path


def run(root: Path, *words: str, **environment: str) -> int:
    return host_commands.main(words, {"SLIPWAY_ROOT": str(root), **environment})


def test_the_state_is_one_json_document(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "certificate", "state") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"issue": f"{root}/it.pem holds no certificate", "force": False, "install": "", "account": ""}


def test_the_state_can_be_had_for_settings_that_are_not_written_yet(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "etc/slipway/tls.json").unlink()
    settings = json.dumps(document(certificate="/nowhere.pem", served_at="127.0.0.1:1"))
    assert run(root, "certificate", "state", "--settings", settings) == 0
    assert "/nowhere.pem holds no certificate" in capsys.readouterr().out
    assert run(root, "certificate", "state") == Code.USAGE
    error = capsys.readouterr().err
    assert "tls.json: No such file or directory" in error and "ansible-playbook site.yml" in error


def test_a_failure_is_on_stderr_with_its_hint(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "certificate", "install") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"Failed to install the certificate in {root}/it.pem" in shown.err
    assert "systemctl start certbot" in shown.err


def test_certbot_s_certificate_of_another_name_is_left(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "certificate", "install", RENEWED_LINEAGE="/etc/letsencrypt/live/other") == 0
    assert f"is not HAProxy's certificate ({NAME})" in capsys.readouterr().out


def test_a_retry_without_a_certificate_does_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "certificate", "retry") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [("certificate", "state"), ("edge", "reload"), ("acme-probe",)])
def test_wrong_settings_are_refused(root: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("edge", "tls"):
        (root / f"etc/slipway/{name}.json").write_text('{"sokcet": 1}')
    assert run(root, *words) == Code.USAGE
    assert ".json.sokcet: unknown key; known here: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"timeout": 3}, "tls.timeout: unknown key"),
        ({"renewal": {"key_type": "dsa"}}, "tls.renewal.key_type: expected ecdsa or rsa"),
        ({"renewal": {"key_type": "rsa", "port": "1"}}, "tls.renewal.port: unknown key"),
        ({"renewal": {"key_type": "rsa", "authenticator": "standalone", "http01_port": 80}}, "a port number as text"),
        ({"directory_url": "http://acme"}, "tls.directory_url: expected an https URL"),
        ({"certificate": "it.pem"}, "tls.certificate: expected an absolute path"),
        ({"name": "../it"}, "tls.name: expected a DNS name"),
        ({"timeout_s": None}, "tls.timeout_s: missing"),
    ],
)
def test_a_wrong_key_is_named(changes: dict[str, Any], problem: str) -> None:
    assert read_tls(document(), "tls").domains == (NAME,)
    with pytest.raises(Failure) as raised:
        read_tls(document(**changes), "tls")
    assert problem in raised.value.cause
    assert raised.value.code == Code.USAGE


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    assert read_edge(EDGE, "edge").reload_timeout_s == 10
    path = tmp_path / "edge.json"
    path.write_text("no settings")
    with pytest.raises(Failure, match=r"edge\.json: not JSON"):
        load(str(path), read_edge)


def test_the_engine_s_own_command_line_leads_there_without_any_service(root: Path) -> None:
    """As the hook calls it, and also with a record of releases that cannot be read."""
    state = root / "var/lib/slipway/inference/state.json"
    state.parent.mkdir(parents=True)
    state.write_text("{")
    state.chmod(0)
    source = str(Path(cli.__file__).parents[1])
    script = f"import sys; sys.path.insert(0, {source!r}); from releasectl.cli import main; sys.exit(main())"
    argv = [sys.executable, "-IS", "-c", script, "certificate", "state"]
    environment = {**os.environ, "SLIPWAY_ROOT": str(root)}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout)["issue"]


@pytest.mark.parametrize(
    "module",
    ["releasectl.edge.certificate", "releasectl.edge.reload", "releasectl.edge.acme_probe", "releasectl.host.backup"],
)
def test_the_other_commands_start_without_it(module: str) -> None:
    source = str(Path(cli.__file__).parents[1])
    script = f"import sys; sys.path.insert(0, {source!r}); import releasectl.cli; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_converge_is_recorded_without_any_service(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "var/lib/slipway").mkdir(parents=True)
    motd = root / "etc/motd"
    motd.write_text("hello\n")
    motd.chmod(0o644)
    digest = hashlib.sha256(motd.read_bytes()).hexdigest()
    asked = root / "request.json"
    asked.write_text(json.dumps({"by": "ops", "files": {"/etc/motd": f"{digest} 0644 root root"}, "left": {}}))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run(root, "record-converge", "--request", str(asked)) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["message"]) == ("recorded", "all roles: /etc/motd")
    assert "/etc/motd" in json.loads((root / "var/lib/slipway/converged.json").read_text())["files"]


@pytest.mark.parametrize(
    "words", [("backup", "/f"), ("restore", "/f"), ("record-converge", "--request", "-")], ids=lambda it: it[0]
)
def test_only_root_may(
    root: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(root, *words) == Code.USAGE
    assert capsys.readouterr().err == f"{words[0]} must be run as root\nsudo releasectl …\n"


def test_both_command_lines_have_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["edge", "--help"], ["certificate", "--help"], ["acme-probe", "--help"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 0
    shown = capsys.readouterr().out
    listed = "edge, certificate, acme-probe, backup, restore, record-converge"
    for word in (listed, "validate", "reload", "state", "install", "retry", "account"):
        assert word in " ".join(shown.split()), word
