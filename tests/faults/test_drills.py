"""Each drill breaks the host so that it shows, and the commands of its runbook page fix it."""

from __future__ import annotations

import shlex

import pytest

from drills.incidents import INCIDENTS, Incident
from drills.lab_host import LabHost
from tests.harness import host_driver as host
from tests.harness import lab

pytestmark = pytest.mark.usefixtures("timers")
HOST = LabHost(lab.HOST)


def run(command: str) -> None:
    """A line of a runbook, for this host; what begins with `host$` on the host, the rest in the root of the tree."""
    if command.startswith("host$ "):
        host.shell(command.removeprefix("host$ ").replace("sudo ", ""))
        return
    line = command.replace("$env", "local").replace("$host", lab.HOST)
    if line.startswith("make "):
        lab.good(lab.make(*shlex.split(line)[1:]))
    else:
        program, *words = shlex.split(line)
        lab.good(lab.run(str(lab.BIN / program.rpartition("/")[2]), *words))


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda it: f"{INCIDENTS.index(it) + 1}-{it.page[:-3]}")
def test_the_commands_of_the_page_fix_it(incident: Incident) -> None:
    assert HOST.troubles(incident) == []
    try:
        HOST.break_it(incident)
        assert HOST.troubles(incident) != []
        for command in incident.commands:
            run(command)
        lab.wait_until(lambda: HOST.troubles(incident) == [], "the host is fixed")
    except BaseException:
        HOST.undo(incident)
        raise
