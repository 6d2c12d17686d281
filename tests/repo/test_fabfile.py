"""The on-call shortcuts: how the inventory is read and kept, how hosts are reached, what is said."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import RELEASECTL
from invoke import Collection, Context, Program

import fabfile
from tools import inventory
from tools.inventory import Target, Unknown
from tools.status_table import table

ROOT = Path(__file__).parent.parent.parent
HOSTS = [Target("inference-1", "10.0.0.1", user="admin", key="/keys/one"), Target("inference-2", "10.0.0.2")]


class Ansible:
    """Answers as ask_ansible does, and counts how often it was asked."""

    def __init__(self, hosts: list[Target] | None = None) -> None:
        self.hosts, self.asked, self.broken = hosts or HOSTS, 0, False

    def __call__(self, env: str) -> list[Target]:
        self.asked += 1
        if self.broken:
            raise RuntimeError("ERROR! no such plugin")
        return self.hosts


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "inventory" / "prod"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text("inference: lab_place <= (lookup('env', 'HOW_MANY') | int)\n")
    monkeypatch.setattr(inventory, "ROOT", tmp_path)
    monkeypatch.setattr(inventory, "CACHE", tmp_path / ".slipway")
    monkeypatch.delenv("HOW_MANY", raising=False)
    return tmp_path


def test_ansible_is_asked_once_for_the_same_inventory(root: Path) -> None:
    ansible = Ansible()
    assert inventory.inventory("prod", ansible) == HOSTS
    assert inventory.inventory("prod", ansible) == HOSTS
    assert ansible.asked == 1
    assert (root / ".slipway" / ".gitignore").read_text() == "*\n"


def test_a_changed_file_or_a_variable_that_it_looks_up_asks_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ansible = Ansible()
    inventory.inventory("prod", ansible)
    (root / "inventory" / "prod" / "more.yml").write_text("a: 1\n")
    inventory.inventory("prod", ansible)
    monkeypatch.setenv("HOW_MANY", "2")
    inventory.inventory("prod", ansible)
    assert ansible.asked == 3
    monkeypatch.delenv("HOW_MANY")
    inventory.inventory("prod", ansible)
    assert ansible.asked == 3, "the copy for the value before is kept beside"


def test_an_old_copy_of_a_cloud_inventory_asks_again(root: Path) -> None:
    (root / "inventory" / "prod" / "aws_ec2.yml").write_text("plugin: amazon.aws.aws_ec2\n")
    ansible = Ansible()
    inventory.inventory("prod", ansible)
    inventory.inventory("prod", ansible)
    assert ansible.asked == 1
    before = time.time() - inventory.DYNAMIC_AGE_S - 1
    os.utime(root / ".slipway" / "inventory-prod.json", (before, before))
    inventory.inventory("prod", ansible)
    assert ansible.asked == 2


def test_a_broken_ansible_leaves_the_last_copy(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ansible = Ansible()
    inventory.inventory("prod", ansible)
    (root / "inventory" / "prod" / "more.yml").write_text("a: 1\n")
    ansible.broken = True
    assert inventory.inventory("prod", ansible) == HOSTS
    assert "no such plugin" in capsys.readouterr().err


def test_a_broken_ansible_without_a_copy_is_said(root: Path) -> None:
    ansible = Ansible()
    ansible.broken = True
    with pytest.raises(Unknown, match="no such plugin"):
        inventory.inventory("prod", ansible)


def test_a_torn_copy_is_no_copy(root: Path) -> None:
    ansible = Ansible()
    inventory.inventory("prod", ansible)
    (root / ".slipway" / "inventory-prod.json").write_text('{"a": [')
    assert inventory.inventory("prod", ansible) == HOSTS
    assert ansible.asked == 2


def test_an_unknown_environment_or_host_is_named_with_those_that_are(root: Path) -> None:
    with pytest.raises(Unknown, match="inventories: prod"):
        inventory.inventory("nowhere", Ansible())
    inventory.inventory("prod", Ansible())
    assert [it.name for it in inventory.targets("prod", "inference-2")] == ["inference-2"]
    with pytest.raises(Unknown, match="hosts: inference-1, inference-2"):
        inventory.targets("prod", "inference-9")


def test_answers_of_ansible_are_read_over_lines_and_beside_warnings() -> None:
    message = {"address": "10.0.0.1", "port": 22, "user": "", "key": "", "ssh_args": " ", "service": "inference"}
    answer = json.dumps({"changed": False, "msg": message}, indent=4)
    text = f"a warning\ninference-1 | SUCCESS => {answer}\ninference-2 | SUCCESS => {answer}\n"
    assert [it.name for it in inventory.read_answers(text)] == ["inference-1", "inference-2"]
    assert inventory.read_answers(text)[0].address == "10.0.0.1"


def test_events_read_as_lines_and_the_rest_stays() -> None:
    event = {
        "at": "2026-01-31T04:05:06.789Z",
        "phase": "switch",
        "event": "done",
        "seconds": 0.0031,
        "version": "v2.0.0",
    }
    assert fabfile.event_line(json.dumps(event)).split() == [
        "2026-01-31T04:05:06.789Z", "switch", "done", "0.003", "s", "v2.0.0",
    ]  # fmt: skip
    failed = {"at": "…", "phase": "gate", "event": "failed", "cause": "it exited"}
    assert fabfile.event_line(json.dumps(failed)).endswith("it exited")
    assert fabfile.event_line("sudo: a password is required") == "sudo: a password is required"


def test_whole_lines_are_passed_on_each_with_its_host() -> None:
    stream = io.StringIO()
    lines = fabfile.Lines(stream, lambda line: f"inference-1 | {line}")
    for part in ("one\ntw", "o\r\nthr", "ee"):
        lines.write(part)
    assert stream.getvalue() == "inference-1 | one\ninference-1 | two\n"
    lines.close()
    assert stream.getvalue().endswith("inference-1 | three\n")


def recorder(commands: list[str]) -> Callable[[object, str, object, bool], int]:
    """In place of `on_host`: notes the command of each host."""

    def on_host(target: object, command: str, shape: object, follow: bool) -> int:
        commands.append(command)
        return 0

    return on_host


@pytest.mark.parametrize("reason", ["it's broken", "#42", "-x", "{{ x }}", "$5 `id`", "a\nb", "zurück", ""])
def test_a_reason_reaches_the_host_whatever_is_in_it(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(fabfile, "targets", lambda env, host: HOSTS[:1])
    monkeypatch.setattr(fabfile, "on_host", recorder(said))
    fabfile.rollback(Context(), version="v1.0.0", reason=reason)
    fabfile.maintenance(Context(), "on", reason=reason)
    assert [f"--reason={reason}" in shlex.split(it) for it in said] == [True, True]


def test_rollback_takes_a_version_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--version` is an option of fab itself as well; after the task's name it is the task's."""
    commands: list[str] = []
    monkeypatch.setattr(fabfile, "targets", lambda env, host: HOSTS[:1])
    monkeypatch.setattr(fabfile, "on_host", recorder(commands))
    Program(namespace=Collection.from_module(fabfile)).run(
        ["fab", "rollback", "--version", "v1.0.0", "--host", "inference-1", "--reason", "too slow"], exit=False
    )
    (words,) = [shlex.split(it) for it in commands]
    assert "--to=v1.0.0" in words and "--reason=too slow" in words


def test_commands_quote_user_input() -> None:
    command = fabfile.releasectl("rollback", "--reason", "it's; rm -rf /")(HOSTS[0])
    assert command == """/usr/local/bin/releasectl --service inference rollback --reason 'it'"'"'s; rm -rf /'"""
    assert "inference-blue" in fabfile.logs_command(HOSTS[0], 10, True, "blue")
    assert "/var/lib/slipway/inference/live.map" in fabfile.logs_command(HOSTS[0], 10, False, "")


def test_every_program_calls_the_engine_where_the_role_installs_it() -> None:
    assert fabfile.RELEASECTL == RELEASECTL
    sources = [it for folder in ("roles", "tests/harness") for it in (ROOT / folder).rglob("*") if it.is_file()]
    paths = {path for it in sources for path in re.findall(r"[\w/]*/bin/releasectl\b", it.read_text(errors="replace"))}
    assert paths == {RELEASECTL}


def test_a_place_of_the_lab_that_is_no_host_names_the_variable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = "all:\n  hosts:\n    inference-3:\n      ansible_host: 10.0.0.3\n      lab_place: 3\n"
    (root / "inventory" / "prod" / "hosts.yml").write_text(places)
    inventory.inventory("prod", Ansible())
    monkeypatch.delenv("LAB_HOSTS", raising=False)
    with pytest.raises(Unknown, match=r"^inference-3 needs LAB_HOSTS=3 or more; it is 1$"):
        inventory.targets("prod", "inference-3")


GOOD = {"serving": True, "live": {"release": {"version": "v2.0.0"}}, "troubles": []}
WORSE = {**GOOD, "troubles": ["the recovery timer is masked. Fix: …"]}
WORST = {**GOOD, "serving": False, "serving_cause": "maintenance since …", "troubles": ["docker.service is masked"]}


def test_several_hosts_are_one_table_the_worst_first() -> None:
    lines = table({"a": GOOD, "b": WORSE, "c": WORST, "d": "d: connection lost: timed out"})
    assert [line.split()[0] for line in lines] == ["HOST", "c", "docker.service", "d", "b", "a"]
    assert lines[1] == "c     NOT SERVED  v2.0.0   maintenance since …"
    assert lines[3].split(maxsplit=2) == ["d", "UNKNOWN", "d: connection lost: timed out"]
    assert lines[-1].split() == ["a", "served", "v2.0.0"]
    assert table({"a": {**GOOD, "notices": ["restart needed: …"]}})[-1].endswith("  notice: restart needed: …")


@pytest.mark.parametrize(
    ("answers", "code"),
    [([GOOD, GOOD], 0), ([GOOD, WORSE], 1), ([WORST, GOOD], 2), ([GOOD, None], fabfile.UNREACHABLE)],
)
def test_fab_status_ends_with_the_worst_code(
    answers: list[dict[str, object] | None],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = dict(zip(("inference-1", "inference-2"), answers, strict=True))

    def on_host(target: Target, command: str, shape: object, follow: bool, into: io.StringIO) -> int:
        assert command.endswith("status --json")
        doc = said[target.name]
        into.write(json.dumps(doc) if doc else f"{target.name}: connection lost: timed out")
        return 0 if doc else fabfile.UNREACHABLE

    monkeypatch.setattr(fabfile, "targets", lambda env, host: HOSTS)
    monkeypatch.setattr(fabfile, "on_host", on_host)
    assert fabfile.show_status("prod", "", "", clear=False) == code
    assert capsys.readouterr().out.startswith("HOST ")
