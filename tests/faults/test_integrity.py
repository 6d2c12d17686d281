"""The daily report names the files that changed since the one before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import host_driver as host

PLACE = "/usr/local/bin/left-behind"


def report() -> list[str]:
    """Of one run: the lines with a file."""
    # More often in ten seconds than systemd lets a unit start.
    host.shell("systemctl reset-failed slipway-integrity.service; systemctl start slipway-integrity.service || exit 1")
    run = host.shell("systemctl show --property InvocationID --value slipway-integrity.service").strip()
    lines = host.shell(
        f"journalctl --sync; journalctl --output cat --no-pager _SYSTEMD_INVOCATION_ID={run}"
    ).splitlines()
    assert any("End timestamp" in line for line in lines), lines
    return [line for line in lines if PLACE in line]


@pytest.fixture
def place() -> Iterator[str]:
    # A run of the timer would report the change in the test's place.
    host.shell(f"systemctl stop slipway-integrity.timer slipway-integrity.service; rm -f {PLACE}")
    report()
    yield PLACE
    host.shell("systemctl start slipway-integrity.timer")


def test_a_file_that_came_changed_and_went_is_named_once_each(place: str) -> None:
    assert report() == []
    host.shell(f"echo one >{place}")
    assert [line.split(":")[0][:2] for line in report()] == ["f+"]
    host.shell(f"chmod 4755 {place}")
    assert [line[0] for line in report()] == ["f"]
    assert report() == []
    host.shell(f"rm {place}")
    assert [line.split(":")[0][:2] for line in report()] == ["f-"]
