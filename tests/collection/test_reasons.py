"""The reason of a rollout or a rollback is a text that is never evaluated; test_playbook_inputs has the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.plugin_utils.inputs import verbatim

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((None, None), ""), ((42, None), "42"), (("one", None), "one"),
        # As Ansible reads -e reason='fixes the slow path'.
        (("fixes", "the slow path"), "fixes the slow path"), (("ticket", "#42"), "ticket #42"),
    ],
)  # fmt: skip
def test_a_reason_that_was_split_is_put_together(given: tuple[Any, Any], text: str) -> None:
    assert verbatim(*given) == text


@pytest.mark.parametrize("path", ["README.md", "Makefile", "docs", "playbooks", "roles"])
def test_no_page_shows_a_form_that_cuts_it(path: str) -> None:
    places = [ROOT / path] if (ROOT / path).is_file() else sorted((ROOT / path).rglob("*"))
    pages = [it for it in places if it.is_file() and it.suffix != ".pyc"]
    shown = [f"{page}: {line}" for page in pages for line in re.findall(r".*-e\s*[\"']?reason=.*", page.read_text())]
    assert shown == []
