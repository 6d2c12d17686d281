"""One way to run a command: an argument vector, a timeout, and an answer that never goes unseen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from ..model.errors import Code, Failure
from ..startup.fast_dataclass import dataclass

SLICE_S = 0.1


class TooSlow(Failure):
    """It was killed at its timeout."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        return (self.err.strip() or self.out.strip())[-2000:]


class Running:
    """A command that was started. Raises Failure (code 8) when there is no such command."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace"
            )
        except FileNotFoundError:
            hint = "Converge the host: ansible-playbook site.yml --limit HOST"
            raise Failure(Code.PREFLIGHT, f"{argv[0]} is not installed", hint) from None

    def finish(self, timeout_s: float, pulse: Callable[[], None] | None = None) -> Done:
        """
        Wait for the end. `pulse` is called while waiting and may raise to give up (the command is then killed).
        Raises TooSlow when the timeout passes.
        """
        process = self._process
        left = timeout_s
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=max(0.01, min(SLICE_S, left) if pulse else left))
                    return Done(process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    left -= SLICE_S if pulse else left
                    if left <= 0:
                        shown = " ".join(self._argv[:3])
                        raise TooSlow(Code.PREFLIGHT, f"`{shown} …` did not end within {timeout_s:g} s") from None
                    if pulse:
                        pulse()
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def run(argv: Sequence[str], timeout_s: float, pulse: Callable[[], None] | None = None) -> Done:
    """To the end; raises what `Running` raises."""
    return Running(argv).finish(timeout_s, pulse)
