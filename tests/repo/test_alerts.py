"""The alert rules name only metrics that exist, and runbooks that can be opened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
METRIC = r"\bslipway_\w+"
# What requirement 23 of being on call names: each fault changes one of them.
FAULTS = (
    "slipway_serving", "slipway_maintenance", "slipway_recovery_timer_active", "slipway_certificate_expiry_seconds",
    "slipway_docker_up",
)  # fmt: skip
GROUPS = yaml.safe_load((ROOT / "docs/alerts/slipway.rules.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]


def known() -> set[str]:
    source = (ROOT / "releasectl/src/releasectl/commands/metrics.py").read_text()
    return set(re.findall(rf'"({METRIC})"', source))


def sections(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_complete(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    named = set(re.findall(METRIC, rule["expr"]))
    assert named and named <= known()
    assert re.fullmatch(r"[0-9]+[smhd]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("page", "ticket", "info")
    assert rule["annotations"]["summary"]
    page, _, section = rule["annotations"]["runbook"].partition("#")
    assert section in sections(ROOT / page)


def test_each_fault_has_a_rule() -> None:
    watched = {name for rule in RULES for name in re.findall(METRIC, rule["expr"])}
    assert set(FAULTS) <= watched & known()
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
