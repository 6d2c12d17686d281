"""Role release: a value that one level sets is never replaced by a dictionary of another level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
WANTED = {
    "canary": "_release_service.canary",
    "strategy": "_release_service.strategy",
    "files": "_release_files | map(attribute='path') | select('search', 'inference|scoring')",
    "retain": "[_release_service, _release_services[0]] | map(attribute='retain_count')",
    "memory": "_release_service.options.memory",
    "secrets_in_files": "_release_files | string is search('hidden')",
}


def test_what_an_environment_sets_stays_beside_the_role_and_the_run(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    services = {
        "inference": {"domains": ["a.test"], "slots": {"blue": 1, "green": 2}, "version": "v1.0.0"},
        "scoring": {
            "domains": ["b.test"], "slots": {"blue": 3, "green": 4}, "retain_count": 2, "secrets": {"KEY": "hidden"},
        },
    }  # fmt: skip
    environment: dict[str, Any] = {
        "services": services,
        "release_services": "{{ services | slipway.ops.services('inference') }}",
        "release_canary": {"min_requests": 7, "step_s": 3},
        "release_options": {"memory": "256m"},
    }
    (tmp_path / "group_vars" / "all.yml").write_text(json.dumps(environment))
    (tmp_path / "hosts.yml").write_text("all: {hosts: {localhost: {ansible_connection: local}}}\n")
    out = str(tmp_path / "out")
    message = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in WANTED.items()) + "} | to_json }}"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"release_inputs": {"service": "scoring", "steps": [10], "step_s": None, "strategy": "canary"}},
        "roles": [{"role": "release", "tags": ["never"]}],
        "post_tasks": [
            {
                "ansible.builtin.copy": {"content": message, "dest": out, "mode": "0644"},
                "tags": ["it"],
            }
        ],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml"), "--tags", "it",
         str(tmp_path / "play.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out").read_text())
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
