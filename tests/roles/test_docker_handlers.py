"""Role docker: a changed setting reloads Docker where a reload is enough, and restarts it otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CONFIG, UNIT = {"path": "/etc/docker/daemon.json"}, {"path": "/etc/systemd/system/docker.service.d/slipway.conf"}
OPTIONS = {"live-restore": True, "log-driver": "journald"}


def written(before: Any) -> list[dict[str, Any]]:
    """The results of the template's loop: its diff is an empty dictionary where only the mode has changed."""
    diff = before if before == {} else [{"before": before, "after": ""}]
    return [{"item": CONFIG, "changed": True, "diff": diff}, {"item": UNIT, "changed": True, "diff": []}]


# What was in the file → the handlers.
CASES: list[tuple[list[dict[str, Any]], list[str]]] = [
    (written(json.dumps({**OPTIONS, "live-restore": False})), ["Reload Docker"]),
    (written(json.dumps({**OPTIONS, "log-driver": "none"})), ["Restart Docker"]),
    (written(""), ["Restart Docker"]),
    (written({}), ["Reload Docker"]),
    ([{"item": CONFIG, "changed": False}, {"item": UNIT, "changed": True}], []),
    ([{"item": CONFIG, "failed": True}], []),
]


def test_the_handler_is_chosen_by_what_has_changed(tmp_path: Path) -> None:
    results = [{"_docker_options": OPTIONS, "__docker_files": {"results": results}} for results, _ in CASES]
    out = tmp_path / "out"
    copy = {
        "ansible.builtin.copy": {
            "content": "{{ _docker_handlers | to_json }}",
            "dest": f"{out}{{{{ at }}}}",
            "mode": "0600",
        }
    }
    tasks = [{**copy, "vars": {**variables, "at": at}} for at, variables in enumerate(results)]
    play = {
        "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks,
        "vars_files": [str(ROOT / "roles/docker/vars/main.yml")],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [ansible, "-i", "localhost,", str(tmp_path / "play.yml")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert [json.loads(Path(f"{out}{at}").read_text()) for at in range(len(CASES))] == [it for _, it in CASES]
