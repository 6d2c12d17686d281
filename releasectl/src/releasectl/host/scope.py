"""A scope of our own (systemd.scope(5)): a deploy does not end with the session that asked for it."""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ..model.errors import Failure
from .command import run

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


def end_empty(service: str) -> None:
    """
    A scope that was made for a process which had just been killed stays behind, empty, where the kernel does not tell
    systemd of it (cgroup v1). Only under the lock.
    """
    prefix, suffix = scope_name(service, ""), ".scope"
    for directory in _slices():
        for name in os.listdir(directory):
            pid = name.removeprefix(prefix).removesuffix(suffix)
            if name == f"{prefix}{pid}{suffix}" and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                with contextlib.suppress(Failure):
                    run(("systemctl", "stop", name), BUSCTL_S)


def _slices() -> list[str]:
    """Where systemd has the scopes of the system (cgroups(7)): its own hierarchy, under its own root."""
    with open("/proc/1/cgroup", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    root = next((path for _, names, path in lines if names in ("", "name=systemd")), "/").removesuffix("/init.scope")
    found = [f"/sys/fs/cgroup{kind}{root.rstrip('/')}/system.slice" for kind in ("", "/systemd", "/unified")]
    return [directory for directory in found if os.path.isdir(directory)]
