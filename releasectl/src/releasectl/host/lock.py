"""One change at a time on a service. The kernel holds the lock (flock(2)), so a dead holder leaves none behind."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ..documents.timestamps import age, parse, rfc3339
from ..model.errors import Code, Failure

POLL_S = 0.05


def lock_of(path: str, what: str, by: str, wait_s: float) -> Callable[[], AbstractContextManager[None]]:
    """
    `what` and `by` are written into the lock file, for the error message of whoever finds it held. Raises Failure
    (code 4) after `wait_s` seconds.
    """

    @contextmanager
    def locked() -> Iterator[None]:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + wait_s
            while not _try(fd):
                if time.monotonic() >= end:
                    raise Failure(
                        Code.LOCKED,
                        f"another change is running: {holder(path)}",
                        "Wait until it has ended (`releasectl events --follow` shows it; `releasectl canary abort` "
                        "ends a canary), then run the command again.",
                    )
                time.sleep(POLL_S)
            note = {"pid": os.getpid(), "what": what, "by": by, "since": rfc3339(time.time())}
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(note).encode(), 0)
            yield
        finally:
            os.close(fd)

    return locked


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            note = json.load(file)
        since = age(time.time() - parse(note["since"]))
        return f"{note['what']} by {note['by']} since {note['since']} ({since}, pid {note['pid']})"
    except (OSError, ValueError, KeyError):
        return "lock holder unknown"


def is_held(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        free = _try(fd)
    finally:
        os.close(fd)
    return not free
