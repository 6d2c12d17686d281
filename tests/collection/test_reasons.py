"""Whatever a person gives as the reason of a rollout or a rollback is recorded, and none can prevent either."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.lookup.verbatim import text_of

ROOT = Path(__file__).parent.parent.parent
REASON = """-lead: it's "quoted" #42 $HOME `id` \\ {{ x }} {% if %} {{ 1/0 }} a=b é 日本
second line"""


def recorded(*arguments: str, **env: str) -> Any:
    """What playbooks pass on, by the inventory's own variables."""
    argv = [str(Path(sys.executable).parent / "ansible"), "localhost", "--inventory", "inventory/local", "--one-line"]
    message = json.dumps({"msg": "{{ [operator_reason, release_reason] }}"})
    done = subprocess.run(
        [*argv, "--module-name", "ansible.builtin.debug", "--args", message, *arguments],
        cwd=ROOT, text=True, timeout=60, capture_output=True,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1", **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    operators, releases = json.loads(done.stdout.partition(" => ")[2])["msg"]
    assert operators == releases
    return operators


def test_a_reason_is_never_evaluated() -> None:
    assert recorded("-e", json.dumps({"reason": REASON})) == REASON
    assert recorded(SLIPWAY_REASON=REASON) == REASON
    assert recorded("-e", "reason='{{ x }}'", SLIPWAY_REASON="not this one") == "{{ x }}"
    assert recorded() == ""


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, ""), ({"reason": None}, ""), ({"reason": 42}, "42"), ({"reason": "one"}, "one"),
        # As Ansible reads -e reason='fixes the slow path'.
        ({"reason": "fixes", "_raw_params": "the slow path"}, "fixes the slow path"),
        ({"reason": "ticket", "_raw_params": "#42"}, "ticket #42"), ({"_raw_params": "of another"}, ""),
    ],
)  # fmt: skip
def test_a_reason_that_was_split_is_put_together(given: dict[str, Any], text: str) -> None:
    assert text_of("reason", given) == text


@pytest.mark.parametrize("path", ["README.md", "Makefile", "docs", "playbooks", "roles"])
def test_no_page_shows_a_form_that_cuts_it(path: str) -> None:
    pages = [ROOT / path] if (ROOT / path).is_file() else [it for it in (ROOT / path).rglob("*") if it.is_file()]
    shown = [f"{page}: {line}" for page in pages for line in re.findall(r".*-e\s*[\"']?reason=.*", page.read_text())]
    assert shown == []
