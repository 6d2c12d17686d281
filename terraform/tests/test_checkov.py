"""checkov over the code and over the plans: nothing fails, every skip has its reason and is listed in the docs."""

from __future__ import annotations

import json
import re
from typing import Any

from terraform.tools.skips import DOCUMENT, document, skips

from .conftest import SCANNED, Done, Ground


def results(done: Done) -> list[dict[str, Any]]:
    start = re.search(r"^[\[{]", done.said, flags=re.MULTILINE)
    assert start, f"checkov said no result:\n{done.said[-3000:]}"
    answer = json.JSONDecoder().raw_decode(done.said[start.start() :])[0]
    return answer if isinstance(answer, list) else [answer]


def failures(done: Done) -> list[str]:
    found = results(done)
    assert sum(r["summary"]["passed"] for r in found) > 100, found
    assert sum(r["summary"]["parsing_errors"] for r in found) == 0, found
    return [f"{c['check_id']} {c['resource']}: {c['check_name']}" for r in found for c in r["results"]["failed_checks"]]


def test_the_code_passes(ground: Ground) -> None:
    assert failures(ground.wait("scan code")) == []


def test_the_plans_pass(ground: Ground) -> None:
    assert len(SCANNED) == 6
    assert failures(ground.wait("scan plans")) == []


def test_every_skip_has_a_reason_and_is_listed() -> None:
    found = skips()
    assert found and all(len(s.reason) > 15 for s in found)
    assert DOCUMENT.read_text() == document(found), "run terraform/tools/skips.py"
