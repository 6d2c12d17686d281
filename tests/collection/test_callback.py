"""What ansible.cfg enables is found and does what it is for: of a name that it does not know Ansible only warns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import gc
from ansible import constants
from ansible.plugins.loader import callback_loader, init_plugin_loader

init_plugin_loader()
callbacks = [callback_loader.get(name) for name in constants.CALLBACKS_ENABLED]
print([type(it).__module__ for it in callbacks])
for it in callbacks:
    it.set_options()
print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] > 10_000, gc.isenabled())
"""


@pytest.mark.parametrize(
    ("switch", "tuned"), [({}, "True True True"), ({"SLIPWAY_GC_TUNING": "no"}, "False False True")]
)
def test_the_callbacks_are_found_and_garbage_is_collected_less_often_unless_switched_off(
    switch: dict[str, str], tuned: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, **switch},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "['ansible_collections.slipway.ops.plugins.callback.require_work', "
        "'ansible_collections.slipway.ops.plugins.callback.connection_help', "
        "'ansible_collections.slipway.ops.plugins.callback.gc_tuning', "
        "'ansible_collections.slipway.ops.plugins.callback.rollout_progress']",
        tuned,
    ], done.stderr


def test_a_host_that_cannot_be_reached_has_its_help(tmp_path: Path) -> None:
    """Once per host and run, also beside a host without help and one that answers."""
    inventory = tmp_path / "hosts"
    inventory.write_text(
        "h1 ansible_host=h1.invalid connection_help=\"{{ 'Look at ' ~ inventory_hostname }}\"\n"
        "h2 ansible_host=h2.invalid\n"
        "h3 ansible_connection=local connection_help=never\n"
    )
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: }, {ansible.builtin.ping: }]}\n"
        "- {hosts: h3, gather_facts: false, tasks: [{ansible.builtin.ping: }]}\n"
    )
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", str(inventory), str(playbook)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stdout
    assert [line for line in done.stderr.splitlines() if "cannot be reached." in line] == [
        "h1 cannot be reached. Look at h1"
    ]
    assert "never" not in done.stdout + done.stderr
