"""
A version goes live on all hosts of a run or on none: the real playbooks and the role `release`, with a stand-in for
what the two modules do on a host. tests/fleet shows the same on hosts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
# Does to a file what the engine does to a host. `rollout` and `rollback` are variables of the host.
STAND_IN = """
from pathlib import Path
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host, action = task_vars["inventory_hostname"], self._task.action.rpartition(".")[2]
        live = Path(task_vars["inventory_dir"]) / f"{host}.live"
        how = task_vars["rollout" if action == "release" else "rollback"]
        if how == "unreachable":
            raise AnsibleConnectionFailure("Connection refused")
        if how == "broken":
            raise AnsibleActionFail("sudo: a password is required")
        if action == "release" and self._task.args["image"] != "r.test/i@sha256:1":
            raise AnsibleActionFail("this is not the image")
        # A prefetch has none.
        if action == "release" and self._task.args.get("secrets", task_vars["read"]) != task_vars["read"]:
            raise AnsibleActionFail("these are not the secrets that were read")
        if how == "refused":
            return {"failed": True, "code": 3, "outcome": "undone", "msg": "golden request failed"}
        was = live.read_text().split()[-1]
        wanted = self._task.args["version"] if action == "release" else "v1.0.0"
        with live.open("a") as file:
            print(wanted, file=file)
        if how == "lost":
            raise AnsibleConnectionFailure("Connection closed")
        done = "unchanged" if was == wanted else "live"
        return {"changed": done == "live", "code": 0, "outcome": done, "previous": {"id": 1, "version": was}}
"""


# The registry has every version but v9.9.9, and counts what it is asked. `retention` is a variable of the hosts.
REGISTRY = """
from pathlib import Path
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        action, args = self._task.action.rpartition(".")[2], self._task.args
        with (Path(task_vars["inventory_dir"]) / "registry").open("a") as file:
            print(action, args.get("version") or args.get("tag"), file=file)
        if action == "image_tag":
            return {"changed": True, "error": ""}
        if args["version"] == "v9.9.9":
            return {"failed": True, "msg": "It has: v1.0.0, v1.1.0.", "image": "", "version": "v9.9.9", "error": ""}
        found = {"tagged": task_vars["retention"] == "tagged", "registry_auth": {"password": "pull-token"}}
        return {"changed": False, "image": "r.test/i@sha256:1", "version": args["version"], "error": "", **found}
"""

# AWS has one secret, and counts how often it is asked.
SECRETS = """
from pathlib import Path
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        wanted = self._task.args["secrets"]
        if wanted:
            with (Path(task_vars["inventory_dir"]) / "registry").open("a") as file:
                print("secret_info", wanted, file=file)
        if wanted and wanted != {"KEY": {"ssm": "/key"}}:
            return {"failed": True, "msg": "There is no such parameter.", "secrets": {}, "versions": {}}
        versions = {"KEY": {"source": "ssm:/key", "version": "7"}}
        return {"changed": False, "secrets": dict.fromkeys(wanted, "s3cret"), "versions": versions if wanted else {}}
"""


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    served: list[list[str]]
    """Of each host the versions that it has served, one after the other."""
    registry: list[str]
    """The requests to the registry."""

    @property
    def live(self) -> list[str]:
        return [versions[-1] for versions in self.served]


def run(
    tmp_path: Path,
    rollouts: list[str],
    *arguments: str,
    playbook: str = "playbooks/deploy.yml",
    rollback: str = "works",
    retention: str = "tagged",
    further_services: dict[str, Any] | None = None,
    secrets: dict[str, Any] | None = None,
    away: Sequence[str] = (),
) -> Run:
    """Deploy v1.1.0 to as many hosts as there are `rollouts`, all of which serve v1.0.0."""
    # Ansible takes the collections beside the playbook before all others.
    for name in ("playbooks", "collections", "inventory"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    for name in ("site.yml", "ansible.cfg", "roles", "app"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("release", "rollback"):
        (tmp_path / f"collections/ansible_collections/slipway/ops/plugins/action/{name}.py").write_text(STAND_IN)
    for name in ("image_info", "image_tag"):
        (tmp_path / f"collections/ansible_collections/slipway/ops/plugins/action/{name}.py").write_text(REGISTRY)
    (tmp_path / "collections/ansible_collections/slipway/ops/plugins/action/secret_info.py").write_text(SECRETS)
    inventory = tmp_path / "inventory" / "somewhere"
    (inventory / "group_vars" / "all").mkdir(parents=True)
    (inventory / "group_vars" / "all" / "00_common.yml").symlink_to(ROOT / "inventory" / "common.yml")
    shared = {
        "ansible_connection": "local", "ansible_become": False, "aws_registry": "r.test",
        "aws_session": {"region": "eu-central-1"}, "default_service": "inference", "service_model_store": "",
        "retention": retention, "release_secrets": secrets or {}, "read": dict.fromkeys(secrets or {}, "s3cret"),
        "services": {
            "inference": {"domains": ["s.test"], "slots": {"blue": 1, "green": 2}, "version": "v1.0.0"},
            **(further_services or {}),
        },
    }  # fmt: skip
    hosts = {f"h{n}": {"rollout": it, "rollback": rollback, **shared} for n, it in enumerate(rollouts, 1)}
    for host in away:
        hosts[host] |= {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    (inventory / "hosts.yml").write_text(json.dumps({"inference": {"hosts": hosts}}))
    (inventory / "registry").touch()
    for host in hosts:
        (inventory / f"{host}.live").write_text("v1.0.0\n")
    argv = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "--inventory",
        str(inventory / "hosts.yml"),
        playbook,
    ]
    done = subprocess.run(
        [*argv, "-e", "version=v1.1.0", *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=120,
    )  # fmt: skip
    served = [(inventory / f"{host}.live").read_text().split() for host in hosts]
    return Run(done.returncode, done.stdout, served, (inventory / "registry").read_text().splitlines())


ROLLOUT = ("--tags", "rollout")
KINDS = {"w": "works", "u": "unreachable", "r": "refused", "b": "broken"}


# Hosts are `w`orking, `u`nreachable, `r`efusing or `b`roken; `back`: those that went live before, and are rolled back.
@pytest.mark.parametrize(
    ("hosts", "batches", "back"),
    [
        ("wu", None, "1"), ("wr", None, "1"), ("uw", None, ""), ("wb", [1, 1], "1"), ("wur", ["100%"], "1"),
        ("wuw", [1, 1, 1], "1"), ("wwu", [1, 1, 1], "12"), ("wwbuww", [2, 2, 2], "12"),
    ],
)  # fmt: skip
def test_a_host_that_cannot_takes_the_others_back(tmp_path: Path, hosts: str, batches: Any, back: str) -> None:
    more = ["-e", json.dumps({"deploy_batches": batches})] if batches else []
    all_or_nothing(run(tmp_path, [KINDS[it] for it in hosts], *more), back)


@pytest.mark.parametrize(("hosts", "back"), [("wu", "1"), ("bwr", "2")])
def test_a_converge_s_rollout_too(tmp_path: Path, hosts: str, back: str) -> None:
    all_or_nothing(run(tmp_path, [KINDS[it] for it in hosts], "--tags", "rollout", playbook="site.yml"), back)


def all_or_nothing(done: Run, back: str) -> None:
    names = [f"h{n}" for n in range(1, len(done.served) + 1)]
    assert done.code == 2, done.out
    served = [["v1.0.0", "v1.1.0", "v1.0.0"] if name[1:] in back else ["v1.0.0"] for name in names]
    assert done.served == served, done.out
    assert [line.split()[0] for line in done.out.splitlines() if "failed=1" in line] == names, done.out
    lame = ", ".join(name for name in names if name[1:] not in back)
    assert f"v1.1.0 did not go live on {lame}." in done.out
    assert all(f"h{n} was rolled back to v1.0.0." in done.out for n in back), done.out


def test_a_host_that_did_not_converge_keeps_the_others_from_a_rollout(tmp_path: Path) -> None:
    """They would all be rolled back at its end."""
    done = run(tmp_path, ["works"] * 3, *ROLLOUT, "--limit", "h1,h2", playbook="site.yml", away=["h2"])
    assert done.code != 0 and done.served == [["v1.0.0"]] * 3 and done.registry == [], done.out
    assert "No release was rolled out: h2 failed before." in done.out, done.out
    assert "leave it out: --limit 'h1:h2:!h2'" in " ".join(done.out.split()), done.out


def test_a_batch_after_a_failed_one_does_not_begin(tmp_path: Path) -> None:
    done = run(tmp_path, ["unreachable", "works", "works"])
    assert "The rollout on h3 was not started." in done.out and "was rolled back to" not in done.out, done.out


def test_a_host_that_is_lost_at_its_work_is_named_with_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, ["works", "lost"])
    assert (done.code, done.live) == (2, ["v1.0.0", "v1.1.0"]), done.out
    assert "h1 was rolled back to v1.0.0." in done.out
    assert "A rollout that started there continues, so either version may be live. Check: " in done.out, done.out
    assert "inventory/somewhere playbooks/status.yml --limit h2. If v1.1.0 is live, run: " in done.out


def test_a_host_that_cannot_be_rolled_back_is_named_with_the_command(tmp_path: Path) -> None:
    done = run(tmp_path, ["works", "refused"], rollback="unreachable")
    assert (done.code, done.live) == (2, ["v1.1.0", "v1.0.0"]), done.out
    assert "Failed to roll back h1: " in done.out and ". It still serves v1.1.0. Run: " in done.out, done.out
    assert "inventory/somewhere playbooks/rollback.yml --limit h1 -e version=v1.0.0" in done.out


def test_all_of_them_is_green(tmp_path: Path) -> None:
    done = run(tmp_path, ["works", "works"])
    assert (done.code, done.live) == (0, ["v1.1.0"] * 2), done.out


@pytest.mark.parametrize(("playbook", "options"), [("playbooks/deploy.yml", ()), ("site.yml", ROLLOUT)])
def test_the_image_is_resolved_once_and_tagged_once_it_is_live_everywhere(
    tmp_path: Path, playbook: str, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, ["works"] * 3, *options, "-v", playbook=playbook, retention="missing")
    assert (done.code, done.live) == (0, ["v1.1.0"] * 3), done.out
    assert done.registry == ["image_info v1.1.0", "image_tag deployed-somewhere-v1.1.0"]
    assert "pull-token" not in done.out


@pytest.mark.parametrize(("playbook", "options"), [("playbooks/deploy.yml", ()), ("site.yml", ROLLOUT)])
def test_the_secrets_are_read_once_for_all_hosts_and_never_shown(
    tmp_path: Path, playbook: str, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, ["works"] * 3, *options, "-vvv", playbook=playbook, secrets={"KEY": {"ssm": "/key"}})
    assert (done.code, done.live) == (0, ["v1.1.0"] * 3), done.out
    assert done.registry == ["image_info v1.1.0", "secret_info {'KEY': {'ssm': '/key'}}"]
    assert "s3cret" not in done.out


def test_a_secret_that_cannot_be_read_stops_the_run_before_any_host(tmp_path: Path) -> None:
    done = run(tmp_path, ["works", "works"], secrets={"KEY": {"ssm": "/other"}})
    assert done.code == 2 and "There is no such parameter." in done.out, done.out
    assert done.served == [["v1.0.0"]] * 2


@pytest.mark.parametrize(("rollouts", "retention"), [(["works", "refused"], "missing"), (["works"], "tagged")])
def test_an_image_that_is_not_live_everywhere_or_has_the_tag_is_not_tagged(
    tmp_path: Path, rollouts: list[str], retention: str
) -> None:
    assert run(tmp_path, rollouts, retention=retention).registry == ["image_info v1.1.0"]


@pytest.mark.parametrize(("playbook", "options"), [("playbooks/deploy.yml", ()), ("site.yml", ROLLOUT)])
def test_a_version_that_the_registry_does_not_have_stops_the_run_before_any_host(
    tmp_path: Path, playbook: str, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, ["works", "works"], *options, "-e", "version=v9.9.9", playbook=playbook)
    assert done.code == 2 and "It has: v1.0.0, v1.1.0." in done.out, done.out
    assert done.served == [["v1.0.0"]] * 2


def test_a_converge_rolls_out_every_service(tmp_path: Path) -> None:
    """Also the second one, after the first is live everywhere."""
    further = {"scoring": {"domains": ["o.test"], "slots": {"blue": 3, "green": 4}, "version": "v2.0.0"}}
    hosts = ["works"] * 2
    done = run(tmp_path, hosts, *ROLLOUT, playbook="site.yml", retention="missing", further_services=further)
    assert done.code == 0 and done.served == [["v1.0.0", "v1.1.0", "v2.0.0"]] * 2, done.out
    assert done.registry == [
        "image_info v1.1.0", "image_info v2.0.0",
        "image_tag deployed-somewhere-v1.1.0", "image_tag deployed-somewhere-v2.0.0",
    ]  # fmt: skip


def test_a_limit_keeps_the_image(tmp_path: Path) -> None:
    done = run(tmp_path, ["works", "works"], "--limit", "h2")
    assert (done.code, done.live) == (0, ["v1.0.0", "v1.1.0"]), done.out


def test_prefetch_pulls_the_image_that_was_resolved(tmp_path: Path) -> None:
    done = run(tmp_path, ["works"], playbook="playbooks/prefetch.yml")
    assert done.code == 0 and done.registry == ["image_info v1.1.0"], done.out
