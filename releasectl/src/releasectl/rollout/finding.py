"""What is wrong on a host, and the command that fixes it."""

from __future__ import annotations

from ..startup.fast_dataclass import dataclass

EDGE, CERTIFICATE, DOCKER, ROUTE, RELEASE, HOST = "edge", "certificate", "docker", "route", "release", "host"
"""What a finding is about. When clients are not served, it decides whether the finding can be the cause."""


@dataclass(frozen=True)
class Finding:
    about: str
    cause: str
    fix: str = ""
    """A command, or what to do; empty if nothing has to be done."""

    def __str__(self) -> str:
        return f"{self.cause}. Fix: {self.fix}" if self.fix else self.cause
