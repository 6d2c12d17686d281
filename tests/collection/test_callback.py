"""What ansible.cfg enables is found and does what it is for: of a name that it does not know Ansible only warns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import gc
from ansible import constants
from ansible.plugins.loader import callback_loader, init_plugin_loader

init_plugin_loader()
print([type(callback_loader.get(name)).__module__ for name in constants.CALLBACKS_ENABLED])
print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] > 10_000, gc.isenabled())
"""


def test_a_run_seldom_looks_for_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "['ansible_collections.slipway.ops.plugins.callback.require_work', "
        "'ansible_collections.slipway.ops.plugins.callback.gc_tuning', "
        "'ansible_collections.slipway.ops.plugins.callback.rollout_progress']",
        "True True True",
    ], done.stderr
