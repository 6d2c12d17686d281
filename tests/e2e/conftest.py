"""
End to end in the lab, in the order of ORDER, in which each file finds the host as the one before left it: that is the
quickest. A file can also run alone: `start(version)` brings the host there first, and does nothing where it is there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.harness import reporting
from tests.harness.load.predictions import unfailing
from tests.harness.load.steady import SteadyLoad

# The first one removes the host that an earlier lab left, and begins with one that has nothing.
ORDER = (
    "first_light", "rollouts", "renewal", "outages", "bad_input", "canary", "safety", "services", "secrets", "models",
    "lost_host",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only the files of this folder are sorted; a file that ORDER does not have comes last."""
    own = [number for number, item in enumerate(items) if item.path.parent.name == "e2e"]
    ranked = sorted((items[number] for number in own), key=rank)
    for number, item in zip(own, ranked, strict=True):
        items[number] = item


def rank(item: pytest.Item) -> int:
    name = item.path.stem.removeprefix("test_")
    return ORDER.index(name) if name in ORDER else len(ORDER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return reporting.add_host((yield))


@pytest.fixture
def load() -> Iterator[SteadyLoad]:
    """A steady load of predictions on the front door; the test ends with: nobody was failed."""
    with unfailing(20) as load:
        yield load
