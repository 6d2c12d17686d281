"""The Makefile passes user input on unchanged, and creates environments again in CI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXTS = [
    "fixes the slow batch path", "it's broken", 'the "new" model', "ticket #42", "a=b", "costs $5, $HOME, $$ and $(x",
    "C:\\new\\", "`id`", "{{ x }}", "{% if %}", "two\nlines", "-e x", "--", "zurück, naïve, 回滚", "100%", "a, b",
    "@file", "[1, 2]", "; exit 1", "a && b | c > d",
]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout in which Ansible, pytest and the bootstrap only record how they were called."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "app").mkdir()
    note = "import json, os, sys\nnote = [sys.argv[1:], os.environ.get('SLIPWAY_REASON')]\n"
    note += "print(json.dumps(note), file=open({!r}, 'a'))\n"
    for name in ("ansible-playbook", "python", "fab", "bootstrap", "tool_venv"):
        folder = tmp_path / ("tools" if name in ("bootstrap", "tool_venv") else ".venv/bin")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"#!/usr/bin/env python3\n{note.format(str(tmp_path / name))}")
        (folder / name).chmod(0o755)
    with (tmp_path / "tools" / "tool_venv").open("a") as it:
        it.write("print(os.path.abspath('.venv/bin'))\n")
    with (tmp_path / "tools" / "bootstrap").open("a") as it:
        it.write("open('.venv/.ok', 'w')\n")
    (tmp_path / ".venv" / ".ok").touch()
    return tmp_path


def make(tree: Path, *words: str, **variables: str) -> None:
    ours = {
        "CI",
        "ENV",
        "HOST",
        "SERVICE",
        "VERSION",
        "REASON",
        "SLIPWAY_REASON",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "ENVIRONMENTS_ARE_NEW",
        "REHEARSE",
    }
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        ["make", *words], cwd=tree, env={**environ, **variables}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def calls(tree: Path, program: str) -> list[Any]:
    path = tree / program
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("text", TEXTS)
def test_a_reason_reaches_the_playbook_whatever_is_in_it(tree: Path, text: str) -> None:
    make(tree, "rollback", f"REASON={text}")
    assert calls(tree, "ansible-playbook") == [[["--inventory", "inventory/local", "playbooks/rollback.yml"], text]]


@pytest.mark.parametrize("name", ["REASON", "SLIPWAY_REASON"])
def test_a_reason_may_come_from_the_environment(tree: Path, name: str) -> None:
    make(tree, "rollback", **{name: "costs $(x"})
    assert calls(tree, "ansible-playbook")[0][1] == "costs $(x"


@pytest.mark.parametrize("text", ["v1.4.2", "3", *(it for it in TEXTS if "\n" not in it)])
def test_a_version_reaches_the_playbook_as_one_text(tree: Path, text: str) -> None:
    make(tree, "rollback", f"VERSION={text}", "ENV=prod")
    [[argv, reason]] = calls(tree, "ansible-playbook")
    assert argv[:4] == ["--inventory", "inventory/prod", "playbooks/rollback.yml", "--extra-vars"]
    assert json.loads(argv[4]) == {"version": text}
    assert len(argv) == 5 and reason is None


def test_the_lab_gets_a_default_version(tree: Path) -> None:
    make(tree, "deploy")
    lab, build, site = (argv[2:] for argv, _ in calls(tree, "ansible-playbook"))
    assert lab == ["playbooks/lab/up.yml"]
    assert build == ["playbooks/build.yml", "--extra-vars", '{"version": "v1.0.0"}', "-e", "build_existing=keep"]
    assert site == ["site.yml", "-e", "release_forward_only=true"]


def test_a_named_version_may_be_an_older_one(tree: Path) -> None:
    make(tree, "deploy", "ENV=prod", "VERSION=v1.0.0")
    [[argv, _]] = calls(tree, "ansible-playbook")
    forward_only = ["-e", "release_forward_only=true"]
    assert argv[2:] == ["site.yml", *forward_only, "--extra-vars", '{"version": "v1.0.0"}']


def test_verify_takes_a_host(tree: Path) -> None:
    make(tree, "verify", "ENV=prod", "HOST=web-1")
    assert calls(tree, "python")[0][0][-4:] == ["--env", "prod", "--limit", "web-1"]


def test_service_and_host_reach_the_playbook_under_their_names(tree: Path) -> None:
    make(tree, "rollback", "SERVICE=scoring", "HOST=inference-2", "VERSION=v1.0.0")
    [[argv, _]] = calls(tree, "ansible-playbook")
    assert argv[3:] == [
        "--extra-vars", '{"version": "v1.0.0"}', "--extra-vars", '{"service": "scoring"}', "--limit", "inference-2",
    ]  # fmt: skip


def test_a_watched_status_is_that_of_fab(tree: Path) -> None:
    make(tree, "status", "WATCH=yes", "ENV=prod", "SERVICE=scoring", "HOST=web-1")
    assert calls(tree, "ansible-playbook") == []
    [[argv, _]] = calls(tree, "fab")
    assert argv == ["status", "--watch", "--env", "prod", "--service", "scoring", "--host", "web-1"]


def test_the_name_of_this_machine_is_not_taken_for_a_host(tree: Path) -> None:
    make(tree, "status", HOST="laptop", SERVICE="sshd", WATCH="true")
    assert calls(tree, "ansible-playbook") == [[["--inventory", "inventory/local", "playbooks/status.yml"], None]]


def test_every_environment_has_an_infrastructure_target(tree: Path) -> None:
    for env in ("dev", "staging", "prod"):
        make(tree, "deploy", f"ENV={env}")
    assert [argv[1:3] for argv, _ in calls(tree, "ansible-playbook")] == [
        [f"inventory/{env}", "site.yml"] for env in ("dev", "staging", "prod")
    ]


def test_environments_are_kept(tree: Path) -> None:
    make(tree, "test")
    assert calls(tree, "bootstrap") == []


def test_in_ci_environments_are_created_again_once_a_run(tree: Path) -> None:
    make(tree, "test", CI="true")
    assert len(calls(tree, "bootstrap")) == 1
    suites = [argv for argv, _ in calls(tree, "python") if argv[:2] == ["-m", "pytest"]]
    assert len(suites) == 7, "not every suite ran"
    make(tree, "verify", CI="true")
    assert len(calls(tree, "bootstrap")) == 2


def test_dev_is_rehearsed_where_that_is_asked_for(tree: Path) -> None:
    make(tree, "test", REHEARSE="yes")
    assert ["-m", "rehearsal", "up", "dev"] in [argv for argv, _ in calls(tree, "python")]


def test_a_rollback_does_not_wait_for_a_new_environment(tree: Path) -> None:
    make(tree, "rollback", CI="true")
    assert calls(tree, "bootstrap") == []


@pytest.mark.parametrize("target", ["rollback", "status", "deploy"])
def test_a_host_and_a_service_have_the_names_that_fab_and_ansible_use(tree: Path, target: str) -> None:
    make(tree, target, "SERVICE=scoring", "HOST=inference-1", "ENV=prod")
    (argv, _), *_ = calls(tree, "ansible-playbook")
    assert argv[-4:] == ["--extra-vars", '{"service": "scoring"}', "--limit", "inference-1"]


@pytest.mark.parametrize(
    "target", ["test-unit", "test-terraform", "test-terraform-all", "test-e2e", "test-faults", "lint", "verify"]
)
def test_pytest_finds_the_tests_of_a_target(tree: Path, target: str) -> None:
    """Two folders of which each is a package `tests` cannot be collected by one call."""
    make(tree, target)
    lines = [words for words, _ in calls(tree, "python") if words[:2] == ["-m", "pytest"]]
    assert lines
    for words in lines:
        done = subprocess.run(
            [sys.executable, *words, "--collect-only", "--quiet"], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout
