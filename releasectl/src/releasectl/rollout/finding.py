"""What is wrong on a host, and the command that fixes it."""

from __future__ import annotations

from ..startup.fast_dataclass import dataclass

EDGE, CERTIFICATE, DOCKER, ROUTE, RELEASE, HOST = "edge", "certificate", "docker", "route", "release", "host"
"""What a finding is about. When clients are not served, it decides whether the finding can be the cause."""
RESTART_DOCKER = "sudo systemctl restart docker  # containers keep running"


@dataclass(frozen=True)
class Finding:
    about: str
    cause: str
    fix: str = ""
    """A command, or what to do; empty if nothing has to be done."""

    def describe(self, host: str = "") -> str:
        """`host`: where a command of root has to be run, as the inventory names it; empty: unknown."""
        where = f" on {host}" if host and self.fix.startswith("sudo ") else ""
        return f"{self.cause}. Fix{where}: {self.fix}" if self.fix else self.cause

    def __str__(self) -> str:
        return self.describe()


def releasectl(service: str, command: str) -> str:
    """As it works on a host with one service or several."""
    return f"sudo releasectl --service {service} {command}"
