"""Commands of this machine: run with a deadline, their words kept for whoever has to find the cause."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DEADLINE_S = 120.0
READY_S = 60.0


class Failed(Exception):
    """A command failed; the message has its last words and, where there is one, the next step."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
    deadline_s: float = DEADLINE_S,
    log: Path | None = None,
    ok: Sequence[int] = (0,),
) -> str:
    """Standard output. With a log, both streams are appended there as they come. Raises Failed."""
    return run_code(argv, env=env, cwd=cwd, input=input, deadline_s=deadline_s, log=log, ok=ok)[1]


def run_code(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
    deadline_s: float = DEADLINE_S,
    log: Path | None = None,
    ok: Sequence[int] = (0,),
) -> tuple[int, str]:
    """Exit code and standard output; with a log both streams go there, and its new part is the output."""
    try:
        if log is None:
            done = subprocess.run(
                argv, env=env, cwd=cwd, input=input, capture_output=True, text=True, timeout=deadline_s,
                stdin=subprocess.DEVNULL if input is None else None,
            )  # fmt: skip
            out, words = done.stdout, done.stderr or done.stdout
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            before = log.stat().st_size if log.exists() else 0
            with log.open("a") as file:
                done_code = subprocess.run(
                    argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                    timeout=deadline_s,
                )  # fmt: skip
            out = log.read_bytes()[before:].decode(errors="replace")
            words, done = out, subprocess.CompletedProcess(argv, done_code.returncode)
    except subprocess.TimeoutExpired:
        raise Failed(f"{_named(argv)} did not end within {deadline_s:.0f} s{_where(log)}") from None
    except FileNotFoundError:
        raise Failed(f"{argv[0]} is not on this machine: install it") from None
    if done.returncode not in ok:
        tail = "\n".join(words.strip().splitlines()[-25:])
        raise Failed(f"{_named(argv)} failed ({done.returncode}):\n{tail}{_where(log)}")
    return done.returncode, out


def _named(argv: Sequence[str]) -> str:
    return " ".join(argv[:4]) + (" …" if len(argv) > 4 else "")


def _where(log: Path | None) -> str:
    return f"\nAll of it: {log}" if log else ""


def privileged(*argv: str) -> list[str]:
    """The command as root: as it is, or by sudo without a question."""
    return list(argv) if os.geteuid() == 0 else ["sudo", "--non-interactive", *argv]


def docker(*arguments: str, deadline_s: float = DEADLINE_S) -> str:
    return run(["docker", *arguments], deadline_s=deadline_s).strip()


def wait_for(what: str, probe: Callable[[], bool], deadline_s: float = READY_S) -> None:
    """Raises Failed when the deadline passes."""
    until = time.monotonic() + deadline_s
    while True:
        try:
            if probe():
                return
            cause = "not yet"
        except Exception as error:
            cause = str(error)
        if time.monotonic() > until:
            raise Failed(f"{what} was not ready within {deadline_s:.0f} s: {cause}")
        time.sleep(0.3)
