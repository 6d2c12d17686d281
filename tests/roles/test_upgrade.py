"""Role upgrade: when it refuses, and what it works out from what it has read."""

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
UPGRADE = ROOT / "roles/upgrade"
WELL: dict[str, Any] = {
    "live": {"slot": "blue"}, "maintenance": None, "changing": None, "serving": True, "serving_cause": None,
    "healthy": True, "troubles": [], "restart_needed": [], "reboot_needed": None,
}  # fmt: skip


def evaluate(folder: Path, expressions: dict[str, str], **variables: Any) -> dict[str, Any]:
    """Expressions as Ansible evaluates them with the role's variables."""
    out = folder / "out.json"
    message = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in expressions.items()) + "} | to_json }}"
    task = {"ansible.builtin.copy": {"content": message, "dest": str(out), "mode": "0600"}, "vars": variables}
    play = {
        "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task],
        "vars_files": [str(UPGRADE / part / "main.yml") for part in ("defaults", "vars")],
    }  # fmt: skip
    book = folder / "play.yml"
    book.write_text(json.dumps([play]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", "localhost,", str(book)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return dict(json.loads(out.read_text()))


def read(*statuses: dict[str, Any]) -> dict[str, Any]:
    return {"results": [{"item": f"service-{number}", "status": it} for number, it in enumerate(statuses)]}


REFUSED: dict[str, dict[str, Any]] = {
    "no release is live": {"live": None},
    "maintenance since 2026 by alice: disks": {"maintenance": {"since": "2026", "by": "alice", "reason": "disks"}},
    "a change is running: deploy v2 by bob": {"changing": "deploy v2 by bob"},
    "HAProxy is down": {"serving": False, "serving_cause": "HAProxy is down"},
    "its live release is not healthy": {"healthy": False},
    "interrupted work: deploy of v2; it is finished": {"troubles": ["interrupted work: deploy of v2; it is finished"]},
}


def test_it_refuses_unless_each_service_is_well_and_idle(tmp_path: Path) -> None:
    statuses = [WELL, *({**WELL, **more} for more in REFUSED.values())]
    found = evaluate(tmp_path, {"found": "_upgrade_obstacles"}, __upgrade_before=read(*statuses))["found"]
    assert found == [f"service-{number}: {why}" for number, why in enumerate(REFUSED, 1)]
    unknown = evaluate(
        tmp_path, {"found": "_upgrade_obstacles"}, __upgrade_before=read({**WELL, "serving": None, "troubles": ["x"]})
    )
    assert unknown["found"] == [], "no public name is configured; a trouble that was there before is no obstacle"


@pytest.mark.parametrize(
    ("asked", "cause", "reboots", "restarts"),
    [
        (True, "kernel 1 runs, 2 is installed", True, []),
        (False, "kernel 1 runs, 2 is installed", False, ["haproxy.service", "docker.service"]),
        (True, None, False, ["haproxy.service", "docker.service"]),
    ],
)
def test_it_reboots_only_if_asked_and_needed(
    tmp_path: Path, asked: bool, cause: str | None, reboots: bool, restarts: list[str]
) -> None:
    one = {**WELL, "restart_needed": ["haproxy.service"], "reboot_needed": cause}
    two = {**WELL, "restart_needed": ["haproxy.service", "docker.service"], "reboot_needed": cause}
    found = evaluate(
        tmp_path, {"reboots": "_upgrade_reboots", "restarts": "_upgrade_restarts"},
        __upgrade_installed=read(one, two), upgrade_reboot=asked, ansible_check_mode=False,
    )  # fmt: skip
    assert found == {"reboots": reboots, "restarts": restarts}


def test_an_instance_that_stays_in_standby_is_named_with_the_command(tmp_path: Path) -> None:
    needs = read({**WELL, "reboot_needed": "kernel 1 runs, 2 is installed"})
    group = {"upgrade_autoscaling_group": "web", "upgrade_instance_id": "i-1", "ansible_check_mode": False}
    rebooted = evaluate(tmp_path, {"it": "_upgrade_standby"}, __upgrade_installed=needs, upgrade_reboot=True, **group)
    assert "exit-standby --auto-scaling-group-name web --instance-ids i-1. " in rebooted["it"]
    assert evaluate(tmp_path, {"it": "_upgrade_standby"}, __upgrade_installed=needs, **group)["it"] == ""


def test_it_tells_what_changed_and_what_would(tmp_path: Path) -> None:
    before, after = ["haproxy 2.6.1", "libc6 2.36", "old 1"], ["haproxy 2.6.2", "libc6 2.36", "linux-image-2 2"]
    security = "Packages that will be upgraded: haproxy libssl3\nand more\n"
    found = evaluate(
        tmp_path, {"changes": "_upgrade_changes", "would": "_upgrade_would_install"},
        __upgrade_packages_before={"stdout_lines": before}, __upgrade_packages_after={"stdout_lines": after},
        __upgrade_simulated={"stdout": security}, upgrade_packages="security",
    )  # fmt: skip
    assert found["changes"] == [
        {"name": "haproxy", "from": "2.6.1", "to": "2.6.2"},
        {"name": "linux-image-2", "from": "", "to": "2"},
        {"name": "old", "from": "1", "to": ""},
    ]
    assert found["would"] == ["haproxy", "libssl3"]
    listed = "Inst haproxy [2.6.1] (2.6.2 Debian:12/stable [amd64])\nConf haproxy (2.6.2)\n"
    found = evaluate(
        tmp_path, {"would": "_upgrade_would_install"}, __upgrade_simulated={"stdout": listed}, upgrade_packages="all"
    )
    assert found["would"] == ["haproxy"]


# In place of slipway.ops.release_info: writes down which host it reads, and returns the status that the host has.
STAND_IN = """
from pathlib import Path
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        with (Path(task_vars["inventory_dir"]) / "read").open("a") as file:
            print(task_vars["inventory_hostname"], file=file)
        return {"changed": False, "status": task_vars["host_status"]}
"""


@pytest.mark.parametrize(("ill", "begun"), [("h2", ["h1", "h2"]), ("", ["h1", "h2", "h3"])])
def test_the_first_host_that_is_not_well_ends_the_run(tmp_path: Path, ill: str, begun: list[str]) -> None:
    """Of three hosts, one after the other; the real playbook, as far as it reads them."""
    for name in ("playbooks", "collections", "roles"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    (tmp_path / "ansible.cfg").symlink_to(ROOT / "ansible.cfg")
    (tmp_path / "collections/ansible_collections/slipway/ops/plugins/action/release_info.py").write_text(STAND_IN)
    tasks = tmp_path / "roles/upgrade/tasks/preflight.yml"
    tasks.write_text(
        tasks.read_text().replace("[/usr/sbin/policy-rc.d, containerd.service, restart]", "[sh, -c, exit 101]")
    )
    hosts = {name: {"host_status": {**WELL, "healthy": name != ill}} for name in ("h1", "h2", "h3")}
    shared = {
        "ansible_connection": "local", "ansible_become": False, "upgrade_services": ["inference"], "operator": "alice",
        "ansible_python_interpreter": sys.executable,
    }  # fmt: skip
    (tmp_path / "hosts.yml").write_text(json.dumps({"inference": {"hosts": hosts, "vars": shared}}))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", str(tmp_path / "hosts.yml"), "playbooks/upgrade.yml", "--tags", "preflight"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode == 0) == (ill == ""), done.stdout + done.stderr
    assert (tmp_path / "read").read_text().split() == begun
    assert not ill or f"{ill} is not upgraded: inference: its live release is not healthy." in done.stdout


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"status": {**WELL, "troubles": ["the disk is full"]}}, "the disk is full."),
        ({"status": {**WELL, "healthy": False}}, "inference: its live release is not healthy."),
        ({}, "inference: Task failed: no route to host."),
        ({"status": WELL}, "Record the upgrade in the history of each service: "),
    ],
    ids=["trouble", "not healthy", "unreachable", "not recorded"],
)
def test_a_host_that_is_not_well_afterwards_is_named_with_what_is_left_to_do(
    tmp_path: Path, answer: dict[str, Any], cause: str
) -> None:
    shutil.copytree(ROOT / "collections", tmp_path / "collections", symlinks=True)
    # Without an answer the connection fails.
    unreachable = 'task_vars["answer"] or (_ for _ in ()).throw(AnsibleConnectionFailure("no route to host"))'
    stand_in = STAND_IN.replace('{"changed": False, "status": task_vars["host_status"]}', unreachable)
    stand_in = f"from ansible.errors import AnsibleConnectionFailure\n{stand_in}"
    (tmp_path / "collections/ansible_collections/slipway/ops/plugins/action/release_info.py").write_text(stand_in)
    variables = {
        "__upgrade_before": read(WELL), "__upgrade_installed": read({**WELL, "reboot_needed": "kernel 2 is installed"}),
        "_upgrade_left": "0", "upgrade_reboot": True, "upgrade_services": ["inference"], "upgrade_settle_timeout_s": 1,
        "upgrade_autoscaling_group": "web", "upgrade_instance_id": "i-1", "upgrade_aws": {"region": "eu-west-1"},
        "answer": answer, **{f"__upgrade_packages_{at}": {"stdout_lines": []} for at in ("before", "after")},
        "upgrade_by": "alice", "upgrade_reason": "", "_upgrade_began": "0",
    }  # fmt: skip
    play = {
        "hosts": "all", "connection": "local", "gather_facts": False,
        "vars_files": [str(UPGRADE / part / "main.yml") for part in ("defaults", "vars")],
        "tasks": [{"ansible.builtin.import_tasks": str(UPGRADE / "tasks/verify.yml")}],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    (tmp_path / "hosts.yml").write_text("all: {hosts: {h1: {}}}\n")
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [ansible, "-i", str(tmp_path / "hosts.yml"), "-e", json.dumps(variables), "play.yml"], cwd=tmp_path,
        capture_output=True, text=True,
        timeout=120, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"), "COLUMNS": "500"},
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert f"The packages of h1 are upgraded, but it is not back in service: {cause}" in said
    assert "exit-standby --auto-scaling-group-name web --instance-ids i-1 --region eu-west-1. Next: ansible-" in said


@pytest.mark.parametrize(
    ("rc", "stderr", "ends"),
    [
        (0, "", True),
        (1, "Could not get lock /var/lib/dpkg/lock-frontend", False),
        (1, "Lock could not be acquired (another package manager running?)", False),
        (1, "docker.io: the socket is blocked", True),
    ],
)
def test_only_a_lock_of_apt_is_waited_for(tmp_path: Path, rc: int, stderr: str, ends: bool) -> None:
    tasks = yaml.safe_load((UPGRADE / "tasks/install.yml").read_text())
    (until,) = (str(task["until"]) for task in tasks if "until" in task)
    result = {"rc": rc, "stdout": "", "stderr": stderr}
    assert evaluate(tmp_path, {"ends": until}, __upgrade_unattended=result) == {"ends": ends}
