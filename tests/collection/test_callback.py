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
        "'ansible_collections.slipway.ops.plugins.callback.gc_tuning', "
        "'ansible_collections.slipway.ops.plugins.callback.rollout_progress']",
        tuned,
    ], done.stderr
