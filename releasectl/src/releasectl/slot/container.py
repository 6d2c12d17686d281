"""A container that runs, as its supervisor sees it: its first process by pidfd_open(2), the rest from Docker."""

from __future__ import annotations

import os
import select
import signal
from typing import Any

from ..host.docker import Docker
from ..startup.fast_dataclass import dataclass


@dataclass(frozen=True)
class Running:
    pidfd: int
    id: str = ""
    address: str = ""
    """On Docker's bridge; empty where it has none of its own."""
    stop_signal: int = signal.SIGTERM

    def ended(self) -> bool:
        return bool(select.select([self.pidfd], [], [], 0)[0])

    def send(self, number: int) -> None:
        """Docker is not asked: it may be down, and learns of the end from containerd."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return


def running(docker: Docker, name: str, found: dict[str, Any] | None) -> Running | None:
    """None: it does not run (any more)."""
    pid = found["State"]["Pid"] if found and found["State"]["Running"] else 0
    if not found or not pid:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    it = Running(pidfd, found["Id"], _address(found), signal_of(found["Config"].get("StopSignal") or ""))
    # The number may have been given to somebody else in between; and Docker learns of an end a moment late.
    again = docker.container(name)
    if again and again["State"]["Running"] and again["State"]["Pid"] == pid and not it.ended():
        return it
    os.close(pidfd)
    return None


def _address(found: dict[str, Any]) -> str:
    networks = found.get("NetworkSettings", {}).get("Networks") or {}
    return next((it["IPAddress"] for it in networks.values() if it.get("IPAddress")), "")


def signal_of(text: str) -> int:
    """STOPSIGNAL of an image: a name with or without SIG, a number, or SIGRTMIN+n (moby: pkg/signal)."""
    name = text.upper().removeprefix("SIG")
    base, sign, offset = name.replace("-", "+-").partition("+")
    try:
        number = int(name) if name.isdigit() else signal.Signals[f"SIG{base}"] + (int(offset) if sign else 0)
    except (KeyError, ValueError):
        return signal.SIGTERM
    return number if 0 < number < signal.NSIG else signal.SIGTERM
