"""Debian 13, and three hosts: a suite of its own, the last to run, for it makes the lab's hosts anew."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.harness import lab, reporting
from tests.harness.load.predictions import unfailing
from tests.harness.load.steady import SteadyLoad


@pytest.fixture(scope="session", autouse=True)
def three_of_trixie() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_SUITE", "trixie")
        patch.setenv("LAB_HOSTS", "3")
        for host in ("inference-1", "inference-2", "inference-3"):
            # First, or its timer may store another backup, which the new host would restore.
            lab.remove_host(host)
            lab.forget_backup(host)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return reporting.add_host((yield))


@pytest.fixture
def load() -> Iterator[SteadyLoad]:
    """A steady load of predictions on the first host; the test ends with: nobody was failed."""
    with unfailing(20) as load:
        yield load
