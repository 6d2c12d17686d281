"""Debian 13: a suite of its own, the last to run, for it makes the lab's host anew."""

from tests.e2e.conftest import load, pytest_runtest_makereport

__all__ = ["load", "pytest_runtest_makereport"]
