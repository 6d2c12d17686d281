"""playbooks/drift.yml reports the drift of every host, fails if there is any, and runs no task of a role."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
ROLES: list[str] = yaml.safe_load((ROOT / "playbooks/vars/converge.yml").read_text())["converge_check"]["roles"]
CONFIG = f"""
[defaults]
roles_path = roles
collections_path = {ROOT / "collections"}
interpreter_python = {sys.executable}
inject_facts_as_vars = False
"""
HERE = {"ansible_connection": "local", "ansible_become": False}
# Nothing listens there: the connection is refused at once.
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
IN_SYNC = {"in_sync": True, "unreachable": False, "drift": {}, "errors": {}}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The playbook with stand-ins of the roles. Each demands a file NAME.HOST, and leaves a trace if it runs."""
    (tmp_path / "ansible.cfg").write_text(CONFIG)
    for path in ("drift.yml", "vars/converge.yml", "tasks/drift_report.yml"):
        (tmp_path / "playbooks" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "playbooks" / path, tmp_path / "playbooks" / path)
    for name in ROLES:
        state = {f"{name}_state": {"present": [f"{tmp_path}/{name}.{{{{ inventory_hostname }}}}"]}}
        trace = {"ansible.builtin.file": {"path": f"{tmp_path}/ran", "state": "touch"}, "tags": [name]}
        for part, document in (("vars/main", state), ("tasks/main", [trace]), ("tasks/build", [])):
            (tmp_path / "roles" / name / part).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "roles" / name / f"{part}.yml").write_text(json.dumps(document))
        for host in ("one", "two"):
            (tmp_path / f"{name}.{host}").touch()
    inventory(tmp_path, one=HERE, two=HERE)
    return tmp_path


def inventory(site: Path, **hosts: dict[str, Any]) -> None:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    groups = {"inference": {"hosts": hosts}}
    (site / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"localhost": here}, "children": groups}}))


def drift(site: Path, *words: str) -> tuple[int, str]:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [program, "-i", "hosts.yml", "playbooks/drift.yml", *words], cwd=site,
        env={**os.environ, "ANSIBLE_CONFIG": str(site / "ansible.cfg"), "COLUMNS": "500"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert not (site / "ran").exists(), "a task of a role ran"
    return done.returncode, done.stdout + done.stderr


def report(site: Path, *words: str) -> tuple[int, dict[str, Any]]:
    # Relative to the directory of the caller, not to that of the playbook.
    code, said = drift(site, "-e", "drift_report=report.json", *words)
    assert (site / "report.json").exists(), said
    hosts: dict[str, Any] = json.loads((site / "report.json").read_text())["hosts"]
    return code, hosts


def test_hosts_in_the_desired_state_are_a_success(site: Path) -> None:
    assert report(site) == (0, {"one": IN_SYNC, "two": IN_SYNC})


def test_drift_of_one_host_is_named_and_ends_with_2(site: Path) -> None:
    (site / "edge.two").unlink()
    code, hosts = report(site)
    assert (code, hosts["one"]) == (2, IN_SYNC)
    assert (hosts["two"]["in_sync"], hosts["two"]["errors"]) == (False, {})
    assert hosts["two"]["drift"]["edge"]["files"] == [f"{site}/edge.two"]


def test_the_report_is_printed_without_a_file(site: Path) -> None:
    (site / "tls.one").unlink()
    code, said = drift(site)
    assert code == 2
    assert f"{site}/tls.one" in said
    assert "Drift in tls. To bring the host back to the desired state: .venv/bin/ansible-playbook" in said
    assert f"--inventory inventory/{site.name} playbooks/converge.yml --limit one" in said


def test_a_host_that_cannot_be_reached_is_a_failure_with_a_line_in_the_report(site: Path) -> None:
    inventory(site, gone=GONE, one=HERE)
    code, hosts = report(site)
    assert (code, hosts["one"]) == (2, IN_SYNC)
    assert (hosts["gone"]["in_sync"], hosts["gone"]["unreachable"]) == (False, True)
    assert "refused" in hosts["gone"]["errors"]["host"]


def test_no_host_that_can_be_reached_is_a_failure_with_a_report(site: Path) -> None:
    inventory(site, gone=GONE)
    code, hosts = report(site)
    assert (code, hosts["gone"]["unreachable"]) == (2, True)


def test_a_host_that_cannot_be_read_is_a_failure(site: Path) -> None:
    inventory(site, one={**HERE, "ansible_python_interpreter": "/nonexistent/python"}, two=HERE)
    code, hosts = report(site)
    assert (code, hosts["two"]) == (2, IN_SYNC)
    assert (hosts["one"]["in_sync"], list(hosts["one"]["errors"])) == (False, ["host"])


def test_a_state_that_cannot_be_rendered_is_a_failure(site: Path) -> None:
    path = site / "roles" / "docker" / "vars" / "main.yml"
    path.write_text(json.dumps({"docker_state": {"present": ["{{ nowhere }}"]}}))
    code, hosts = report(site, "--limit", "one")
    assert (code, list(hosts), hosts["one"]["in_sync"]) == (2, ["one"], False)
    assert "nowhere" in hosts["one"]["errors"]["docker"]


@pytest.mark.parametrize("switches", [("--check", "--tags", "tls,never"), ("--skip-tags", "edge")])
def test_the_switches_of_ansible_leave_nothing_out(site: Path, switches: tuple[str, ...]) -> None:
    (site / "edge.two").unlink()
    code, hosts = report(site, *switches)
    assert (code, hosts["one"]["in_sync"], hosts["two"]["in_sync"]) == (2, True, False)


def test_an_unknown_input_is_refused(site: Path) -> None:
    code, said = drift(site, "-e", "drift_raport=x")
    assert code == 2 and "did you mean drift_report?" in said
