"""One way to run a command: an argument vector, a timeout, and an answer that never goes unseen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from ..core.errors import Code, Failure
from ..core.values import dataclass

SLICE_S = 0.1


class TooSlow(Failure):
    """It was killed at its timeout."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return (self.err.strip() or self.out.strip())[-2000:]


def run(argv: Sequence[str], timeout_s: float, pulse: Callable[[], None] | None = None) -> Done:
    """
    Run to the end. `pulse` is called while waiting and may raise to give up (the command is then killed).
    Raises Failure (code 8) when there is no such command, TooSlow when the timeout passes.
    """
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        )
    except FileNotFoundError:
        raise Failure(Code.PREFLIGHT, f"{argv[0]} is not installed", "Converge the host: site.yml.") from None
    left = timeout_s
    try:
        while True:
            try:
                out, err = process.communicate(timeout=max(0.01, min(SLICE_S, left) if pulse else left))
                return Done(process.returncode, out, err)
            except subprocess.TimeoutExpired:
                left -= SLICE_S if pulse else left
                if left <= 0:
                    shown = " ".join(argv[:3])
                    raise TooSlow(Code.PREFLIGHT, f"`{shown} …` did not end within {timeout_s:g} s") from None
                if pulse:
                    pulse()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
