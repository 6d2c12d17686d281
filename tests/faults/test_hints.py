"""The fix that the status prints for a fault is run as printed, and then the status is clean."""

from __future__ import annotations

import pytest

from tests.harness import host_driver as host
from tests.harness.oncall import FAULTS, Fault, broken, clean, run_fix

pytestmark = pytest.mark.usefixtures("timers")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_fix_leaves_a_clean_status(fault: Fault) -> None:
    with broken(fault.script, fault.undo):
        run_fix(fault.cause)
        if fault.name == "a reload was forgotten":
            host.shell(fault.undo)
        clean()
