"""A command as a person types it, with its time; and the line above the figures that it gave."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.on_host import Failed, machine

ROOT = Path(__file__).parent.parent


def timed(
    argv: Sequence[str], cwd: Path = ROOT, may_fail: bool = False, environ: Mapping[str, str] | None = None
) -> tuple[float, str]:
    """Wall seconds and output, with new SSH connections. Raises Failed if the command fails and may not."""
    with tempfile.TemporaryDirectory(prefix="slipway-ssh-") as directory:
        fresh = {"ANSIBLE_SSH_CONTROL_PATH_DIR": directory, "ANSIBLE_NOCOLOR": "1"}
        begin = time.monotonic()
        done = subprocess.run(
            argv, cwd=cwd, env={**os.environ, **fresh, **(environ or {})}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800,
        )  # fmt: skip
        seconds = time.monotonic() - begin
    if done.returncode and not may_fail:
        raise Failed(f"{cwd}: {' '.join(argv)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return seconds, done.stdout


def section(command: str, stolen: float, content: str) -> str:
    """stolen: the hypervisor's share of the time, 0 to 1."""
    taken = f"The hypervisor took {stolen:.0%} of its time meanwhile."
    return f"{datetime.now(timezone.utc):%Y-%m-%d}, `{command}`, {machine()}. {taken}\n\n{content}"
