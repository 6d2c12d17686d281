"""Exit codes and the one exception that carries a person's answer: what, why, what next."""

from __future__ import annotations


class Code:
    """Exit codes: a contract, documented in docs/releasectl.md."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    GATE = 3
    LOCKED = 4
    IMAGE = 5
    PERSON = 6
    UNKNOWN = 7
    PREFLIGHT = 8


class Failure(Exception):
    """Something did not go as asked. `str()` is the cause in one line; never contains a secret."""

    def __init__(self, code: int, cause: str, hint: str | None = None, logs: tuple[str, ...] = ()) -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.hint = hint
        self.logs = logs


class UnreadableMap(Failure):
    """The running live map has an entry without a value; its file is right."""


class Interrupted(Exception):
    """A person or a service manager asked the engine to stop (SIGINT, SIGTERM)."""
