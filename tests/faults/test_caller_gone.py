"""Who asked for it goes away: a connection that is cut, a controller that dies. The host goes on by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import Any

import pytest

from tests.harness import host_driver as host
from tests.harness import lab, network
from tests.harness.canaries import QUICK
from tests.harness.load.steady import SteadyLoad


def over_ssh(place: str, doc: dict[str, object]) -> subprocess.Popen[bytes]:
    """The engine as a person's SSH session has it, held at a place."""
    command = f"sudo python3 - {place} '{host.HOLD}' '{json.dumps(doc)}' deploy --json"
    session = subprocess.Popen(
        (*network.login("admin"), command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert session.stdin
    session.stdin.write((host.HERE / "at.py").read_bytes())
    session.stdin.close()
    return session


def test_the_connection_is_cut(load: SteadyLoad) -> None:
    """At each of these places the person's end is killed, and so is what sshd has for it on the host."""
    for place in (
        "pull", "start/StartUnit", "gate/AwaitPath", "canary/JudgeStep", "switch/SetMap", "drain/Drain",
        "record/AppendHistory",
    ):  # fmt: skip
        how: dict[str, Any] = {"canary": QUICK} if place.startswith("canary") else {}
        wanted = host.other(host.live())
        entries = len(host.look()["history"])
        session = over_ssh(place, host.request(wanted, **how))
        host.wait_held(place)
        session.kill()
        host.shell(f"pkill --signal KILL --uid admin sshd; rm -f {host.HELD}")
        host.wait_for(wanted)
        seen = host.well(entries + 1)
        assert not seen["history"][-1]["recovered"], f"{place}: its own engine did it, not recovery"


@pytest.mark.parametrize(
    ("number", "phase", "how"),
    [(signal.SIGINT, "start", ()), (signal.SIGKILL, "canary", ("strategy=canary", "steps=30,60", "step_s=1"))],
    ids=["SIGINT", "SIGKILL in a canary"],
)
def test_the_controller_is_stopped(load: SteadyLoad, number: int, phase: str, how: tuple[str, ...]) -> None:
    """The playbook and all that it started; when the host has begun with the phase."""
    entries = len(host.look()["history"])
    events = "/var/log/slipway/events.jsonl"
    size = int(host.shell(f"stat -c %s {events}"))
    # What every converged host has had, so that the registry has it.
    wanted = "v1.0.0"
    assert host.live() != wanted
    extra = [word for value in (f"version={wanted}", *how) for word in ("-e", value)]
    playbook = subprocess.Popen(
        (str(lab.BIN / "ansible-playbook"), "playbooks/deploy.yml", "--limit", lab.HOST, *extra),
        cwd=lab.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    threading.Thread(target=playbook.wait, daemon=True).start()
    begun = f'"phase": "{phase}", "event": "start"'
    lab.wait_until(lambda: begun in host.shell(f"tail -c +{size + 1} {events}"), "the rollout has begun", within_s=90)
    os.killpg(playbook.pid, number)
    host.wait_for(wanted)
    seen = host.well(entries + 1)
    assert not seen["history"][-1]["recovered"]
    host.good(host.deploy(host.request(host.A)))
