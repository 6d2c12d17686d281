"""
End to end in the lab, in the order of the file names: each file goes on where the one before ended. The first one
begins with a host that has nothing; the one that an earlier lab may have left is removed.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator

import pytest

from tests.harness import lab
from tests.harness.load.steady import SteadyLoad


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        for title, argv in (
            ("status", ("releasectl", "status")),
            ("events", ("tail", "-n", "40", "/var/log/slipway/events.jsonl")),
            ("containers", ("docker", "ps", "--all")),
            (
                "the slots' journal",
                ("journalctl", "--no-pager", "-n", "40", "-u", "inference@*", "-u", "slipway-recover@*"),
            ),
            ("haproxy", ("journalctl", "--no-pager", "-n", "20", "-u", "haproxy")),
        ):
            report.sections.append((title, lab.on_host(*argv, check=False)))
    return report


@pytest.fixture
def load() -> Iterator[SteadyLoad]:
    """A steady load of predictions on the front door; the test ends with: nobody was failed."""
    golden = lab.GOLDEN[0]
    with SteadyLoad(lab.NAME, golden["path"], json.dumps(golden["body"]).encode(), str(lab.ROOTS)) as load:
        load.wait_for(20)
        yield load
        sent = len(load.samples)
        load.wait_for(sent + 20, what=lambda sample: True)
    assert load.failed == []
