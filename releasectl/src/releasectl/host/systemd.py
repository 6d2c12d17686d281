"""systemd: the one supervisor of the slots (systemctl(1), sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from ..model.errors import Code, Failure
from ..model.model import Config
from ..rollout.ports import UnitStates
from .command import Running, run

Pulse = Callable[[], None]


def request_states(config: Config) -> Callable[[], UnitStates]:
    """
    Sends the query; the returned function waits for the answer. Not `systemctl show`: systemd would gather all
    properties of each unit.
    """
    process = Running(("systemctl", "is-active", *(config.unit(slot) for slot in config.slots)))

    def answer() -> UnitStates:
        # One word per unit. The exit code only tells whether all of them are active.
        done = process.finish(10)
        states = done.out.split()
        if len(states) != len(config.slots):
            raise Failure(Code.PREFLIGHT, f"systemctl is-active: {done.message}")
        return UnitStates(dict(zip(config.slots, states, strict=True)))

    return answer


def start_unit(unit: str, timeout_s: float, pulse: Pulse | None = None) -> None:
    """Returns once the unit said that it is ready. Raises Failure (code 3)."""
    try:
        done = run(("systemctl", "start", unit), timeout_s, pulse)
    except Failure as failure:
        raise Failure(Code.GATE, f"{unit} did not start within {timeout_s:g} s") from failure
    if done.code:
        raise Failure(Code.GATE, f"{unit} did not start: {_why(unit) or done.message}")


def stop_unit(unit: str, timeout_s: float, wait: bool = True) -> None:
    argv = ("systemctl", "stop", *(() if wait else ("--no-block",)), unit)
    done = run(argv, timeout_s)
    if done.code:
        raise Failure(Code.PREFLIGHT, f"{unit} did not stop: {done.message}")


def kill_container(unit: str) -> None:
    """Has run-slot kill its container at once. Nothing when the unit does not run."""
    # --kill-whom, its name since systemd 252, is not known to 249.
    run(("systemctl", "kill", "--kill-who=main", "--signal=INT", unit), 10)


def restart_docker(timeout_s: float = 60) -> None:
    """Containers go on (live-restore). Nothing where somebody has stopped it. Raises Failure (code 8)."""
    done = run(("systemctl", "try-restart", "docker.service"), timeout_s)
    if done.code:
        raise Failure(Code.PREFLIGHT, f"docker.service did not restart: {done.message}", "journalctl -u docker")


def _why(unit: str) -> str:
    """What run-slot said last: the status text that it sent to systemd."""
    done = run(("systemctl", "show", "--property=StatusText", "--value", unit), 10)
    return done.out.strip()


def notify(*assignments: str) -> None:
    """Tell systemd (READY=1, STATUS=…). Nothing when not started by it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect("\0" + address[1:] if address.startswith("@") else address)
        connection.sendall("\n".join(assignments).encode())


def shutting_down() -> bool:
    """The host shuts down, or reboots. Unknown counts as yes: without systemd nothing could be undone either."""
    try:
        return run(("systemctl", "is-system-running"), 5).out.strip() in ("stopping", "offline", "unknown", "")
    except Failure:
        return True
