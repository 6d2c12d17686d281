"""Role release: a value that one level sets is never replaced by a dictionary of another level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
WANTED = {
    "canary": "_release_service.canary",
    "strategy": "_release_service.strategy",
    "files": "_release_files | map(attribute='path') | select('search', 'inference|scoring')",
    "retain": "[_release_service, _release_services[0]] | map(attribute='retain_count')",
    "memory": "_release_service.options.memory",
    "secrets_in_files": "_release_files | string is search('hidden')",
}
SERVICES = {
    "inference": {"domains": ["a.test"], "slots": {"blue": 1, "green": 2}, "version": "v1.0.0"},
    "scoring": {
        "domains": ["b.test"], "slots": {"blue": 3, "green": 4}, "retain_count": 2, "secrets": {"KEY": "hidden"},
    },
}  # fmt: skip


def evaluated(folder: Path, wanted: dict[str, str], environment: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Expressions with the role's variables, as a task of this environment with these variables has them."""
    (folder / "group_vars").mkdir()
    common = {"services": SERVICES, "release_services": "{{ services | slipway.ops.services('inference') }}"}
    (folder / "group_vars" / "all.yml").write_text(json.dumps({**common, **environment}))
    (folder / "hosts.yml").write_text("all: {hosts: {localhost: {ansible_connection: local}}}\n")
    out = folder / "out"
    content = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in wanted.items()) + "} | to_json }}"
    copy = {"ansible.builtin.copy": {"content": content, "dest": str(out), "mode": "0644"}, "vars": run, "tags": ["it"]}
    roles = [{"role": "release", "tags": ["never"]}]
    play = {"hosts": "localhost", "gather_facts": False, "roles": roles, "post_tasks": [copy]}
    (folder / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts.yml"), "--tags", "it",
         str(folder / "play.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(out.read_text()))


def test_what_an_environment_sets_stays_beside_the_role_and_the_run(tmp_path: Path) -> None:
    environment = {"release_canary": {"min_requests": 7, "step_s": 3}, "release_options": {"memory": "256m"}}
    inputs = {"service": "scoring", "steps": [10], "step_s": None, "strategy": "canary"}
    found = evaluated(tmp_path, WANTED, environment, {"release_inputs": inputs})
    assert found["canary"] == {
        "steps": [10], "step_s": 3, "min_requests": 7, "max_error_ratio": 0.01, "max_latency_ratio": 1.5, "wait_s": 300,
        "on_silence": "abort", "on_interrupt": "abort", "hold": False,
    }  # fmt: skip
    assert found["strategy"] == "canary" and found["retain"] == [2, 5] and found["memory"] == "256m"
    assert (
        "/etc/slipway/inference/service.json" in found["files"]
        and "/etc/slipway/scoring/service.json" in found["files"]
    )
    assert found["secrets_in_files"] is False


@pytest.mark.parametrize(
    ("version", "name", "forward_only"), [("", "scoring", True), ("v1", "scoring", False), ("v1", "inference", True)]
)
def test_only_a_service_that_the_run_names_may_go_to_an_older_version(
    tmp_path: Path, version: str, name: str, forward_only: bool
) -> None:
    run = {
        "release_inputs": {"service": "scoring", "version": version},
        "release_forward_only": True,
        "_release_run_names": [name],
    }
    assert evaluated(tmp_path, {"it": "_release_forward_only"}, {}, run) == {"it": forward_only}


@pytest.mark.parametrize("folder", sorted(ROOT.glob("inventory/*/group_vars/all")), ids=str)
def test_what_an_environment_sets_wins_over_what_all_share(folder: Path) -> None:
    """Ansible reads the files of a folder by name, and the last one wins."""
    first, *others = sorted(folder.iterdir())
    assert first.resolve() == ROOT / "inventory/common.yml" and others
