"""What the host says about itself, in the report of a test that failed."""

from __future__ import annotations

import pytest

from tests.harness import lab

SECTIONS = (
    ("status", ("releasectl", "status")),
    ("events", ("tail", "-n", "40", "/var/log/slipway/events.jsonl")),
    ("containers", ("docker", "ps", "--all")),
    ("the slots' journal", ("journalctl", "--no-pager", "-n", "40", "-u", "inference@*", "-u", "slipway-recover@*")),
    ("haproxy", ("journalctl", "--no-pager", "-n", "20", "-u", "haproxy")),
)


def add_host(report: pytest.TestReport) -> pytest.TestReport:
    if report.when == "call" and report.failed:
        report.sections += [(title, lab.on_host(*argv, check=False)) for title, argv in SECTIONS]
    return report
