"""
Every command of the runbooks is run as it is printed, on a host that is well and in the state that the page is about;
`host$` lines by an administrator over SSH. What they fix is in test_drills.py and test_hints.py; what cannot run is in
tests/harness/runbook.py, with the reason.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.harness import canaries, lab, network, runbook
from tests.harness import host_driver as host
from tests.harness.oncall import clean
from tests.harness.runbook import ON_HOST

pytestmark = pytest.mark.usefixtures("timers")
# What a page has as an example, and what it is here.
EXAMPLES = {
    "v1.4.2": "v1.0.0",
    "haproxy=VERSION": "haproxy=$(dpkg-query --show --showformat '${Version}' haproxy)",
}
# They end with 1 where they find nothing, as on a host that is well.
FIND_NOTHING = (
    "host$ sudo journalctl -k -g 'out of memory' -n 20 --no-pager",
    "host$ sudo journalctl -u certbot -n 50 --no-pager",
    "host$ sudo find /var/lib/slipway/inference/cache -name manifest.json",
    "host$ sudo du -sh /var/lib/slipway/inference/cache",
    "host$ cat /run/reboot-required.pkgs",
    "host$ tail -40 /var/log/unattended-upgrades/unattended-upgrades.log",
)
# Of a unit that a page has by the wrong name.
MISNAMED = re.compile(r"-- No entries --|could not be found|not loaded")


@pytest.fixture
def states() -> Iterator[ExitStack]:
    """What a test brings the host into; undone at its end, with a quick release live again."""
    with ExitStack() as stack:
        yield stack
    if host.live() not in (host.A, host.B):
        for version in (host.B, host.A):
            host.good(host.deploy(host.request(version)))


def held_canary(states: ExitStack) -> None:
    if not canaries.shown():
        canaries.until_ended()
        doc = canaries.canary(host.other(host.live()), step_s=300)
        states.enter_context(canaries.running(doc, canaries.FIRST))


def own_maintenance(states: ExitStack) -> None:
    lab.good(lab.fab("maintenance", "on", "--reason", "test"))


def maintenance_of_another(states: ExitStack) -> None:
    host.good(host.releasectl("maintenance", "on", "--by", "ops@jump", "--reason", "disk swap"))


def end_of_maintenance(states: ExitStack) -> None:
    states.callback(host.releasectl, "maintenance", "off", "--force")


def deployed(states: ExitStack) -> None:
    host.good(host.deploy(host.request(host.other(host.live()))))


def green_stands_by(states: ExitStack) -> None:
    if lab.state()["live"]["slot"] == "green":
        deployed(states)


# The beginning of a command → what the host is brought into first.
BEFORE: dict[str, Callable[[ExitStack], None]] = {
    ".venv/bin/fab canary ": held_canary,
    ".venv/bin/ansible-playbook -i inventory/$env playbooks/canary.yml": held_canary,
    ".venv/bin/fab maintenance on": end_of_maintenance,
    ".venv/bin/fab maintenance off --env $env --host $host --force": maintenance_of_another,
    ".venv/bin/fab maintenance off": own_maintenance,
    # Right after a rollback the next one needs a target, so something else goes live first.
    "make rollback ": deployed,
    "host$ sudo releasectl --service inference rollback --reason": deployed,
    ".venv/bin/fab rollback --env": deployed,
    'host$ python3 -c \'import urllib.request as u; print(u.urlopen("http://127.0.0.1:18081/ready"': green_stands_by,
}


def run(line: str, given: list[str]) -> lab.Done:
    """`given`: the variables that lines before it have set."""
    for example, value in EXAMPLES.items():
        line = line.replace(example, value)
    if line.startswith(ON_HOST):
        script = "\n".join([*given, line.removeprefix(ON_HOST)])
        return lab.run(*network.login("admin"), f"bash -c {shlex.quote(script)}", timeout_s=120)
    line = line.replace(".venv/bin/", f"{lab.BIN}/")
    if runbook.is_listed(line):
        line = f"{line} --list-tasks"
    if line.endswith("--follow"):
        line = f"timeout 5 {line}; test $? -eq 124"
    # Not as a part of the make that may run the tests; and in the environment that runs them.
    env = {"MAKEFLAGS": "", "ENVIRONMENTS_ARE_NEW": "yes"}
    return lab.run("bash", "-c", f"host={lab.HOST} env=local\n{line}", env=env, timeout_s=300)


@pytest.mark.parametrize("page", runbook.pages())
def test_the_commands_of_a_page_work(page: str, states: ExitStack) -> None:
    given: list[str] = []
    for line in runbook.commands(page):
        if line in runbook.NOT_RUN or runbook.is_run_before(line, page):
            continue
        if re.match(rf"({re.escape(ON_HOST)})?\w+=", line):
            given.append(line.removeprefix(ON_HOST))
            continue
        prepare = next((prepare for begin, prepare in BEFORE.items() if line.startswith(begin)), None)
        if prepare:
            prepare(states)
        done = run(line, given)
        if line not in FIND_NOTHING:
            assert done.code == 0, f"{line}: exit {done.code}\n{done.out[-3000:]}"
            assert not MISNAMED.search(done.out), f"{line}\n{done.out[-3000:]}"
        if runbook.is_listed(line):
            assert re.search(r"^      \S.*TAGS: ", done.out, re.MULTILINE), f"{line} has no task\n{done.out[-3000:]}"
        if "recover --live" in line:
            # The history has what is live by a rollout.
            deployed(states)
    states.close()
    clean()
    # Or it may be what the host is changing just now.
    host.shell(host.STOP_RECOVERY)
    host.well()
