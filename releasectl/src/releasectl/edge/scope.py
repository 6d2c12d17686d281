"""A scope of our own (systemd.scope(5)): a deploy does not end with the session that asked for it."""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ..core.errors import Failure
from .run import run

BUSCTL_S = 2.0
MOVED_S = 0.5
POLL_S = 0.005


def leave_session(service: str) -> None:
    """
    Ask systemd to move this process into a transient scope. The process stays the same (its input, output and caller
    too): re-executing it by systemd-run would cost a second start of Python on the way to every switch. For the same
    reason nobody waits for the answer, but for the end of the process (the thread is no daemon): a scope that is made
    for a process which has just gone stays behind, empty. Best effort: most sessions leave their processes alone at
    their end.
    """
    if os.path.isdir("/run/systemd/system") and not in_scope(service, _cgroup()):
        threading.Thread(target=_move, args=(service,)).start()


def _move(service: str) -> None:
    with contextlib.suppress(Failure):
        if run(scope_argv(service, os.getpid()), BUSCTL_S).code:
            return
        # The answer says that it will be done.
        end = time.monotonic() + MOVED_S
        while not in_scope(service, _cgroup()) and time.monotonic() < end:
            time.sleep(POLL_S)


def in_scope(service: str, cgroup: str) -> bool:
    """Already in a scope (or another unit) of ours."""
    return f"/{scope_name(service, '')}" in cgroup


def scope_name(service: str, number: str) -> str:
    return f"slipway-{service}-{number}"


def scope_argv(service: str, pid: int) -> tuple[str, ...]:
    """org.freedesktop.systemd1(5): StartTransientUnit(name, mode, properties, auxiliary units)."""
    return (
        "busctl", "call", "--quiet", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
        f"{scope_name(service, str(pid))}.scope", "fail",
        "3", "PIDs", "au", "1", str(pid),
        "Description", "s", f"A rollout of {service}",
        "CollectMode", "s", "inactive-or-failed",
        "0",
    )  # fmt: skip


def _cgroup() -> str:
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
