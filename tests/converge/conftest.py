"""
What a converge does, on one host of the lab (SLIPWAY_LAB_HOST, default inference-1). Other tests may be going on, on
other hosts.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.harness import reporting


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return reporting.add_host((yield))
