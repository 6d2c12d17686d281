"""Debian 13, and three hosts: a suite of its own, the last to run, for it makes the lab's hosts anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import load, pytest_runtest_makereport

__all__ = ["load", "pytest_runtest_makereport"]


@pytest.fixture(scope="session", autouse=True)
def three_of_trixie() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_SUITE", "trixie")
        patch.setenv("LAB_HOSTS", "3")
        yield
