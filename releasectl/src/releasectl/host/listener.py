"""Who has a loopback port of this host, for a message: never a reason to fail."""

from __future__ import annotations

import re

from ..model.errors import Failure
from .command import run

TIMEOUT_S = 5
# ss(8): users:(("python3",pid=1234,fd=3))
USER = re.compile(r'users:\(\("([^"]+)",pid=(\d+)')


def holder(port: int, own: str = "") -> str:
    """A container or a process; empty: nobody knows. `own`: a container that does not count."""
    found = _out("docker", "ps", "--filter", f"publish={port}", "--format", "{{.Names}}").split()
    containers = [name for name in found if name != own]
    if containers:
        return f"container {containers[0]}"
    user = USER.search(_out("ss", "-Hltnp", f"sport = :{port}"))
    return f"{user[1]} (process {user[2]})" if user else ""


def _out(*argv: str) -> str:
    try:
        return run(argv, TIMEOUT_S).out
    except Failure:
        return ""
