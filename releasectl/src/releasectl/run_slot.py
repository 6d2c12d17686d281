"""
The main process of a slot's unit: starts the slot's container, or adopts the one that runs already, says READY to
systemd, and shares the container's fate. It watches the container's first process by pidfd (pidfd_open(2)), not the
Docker engine, so that an engine that restarts (live-restore) or dies takes nothing with it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from typing import Any

from .core import dockercmd
from .core.errors import Code, Failure
from .core.model import Config, Release, State
from .core.values import dataclass
from .edge import files, systemd
from .edge.docker import Docker
from .edge.listener import holder
from .edge.paths import Paths
from .edge.run import run
from .edge.store import Store

# Beyond the container's own stop timeout, before its first process is killed without asking Docker.
GRACE_S = 5


@dataclass(frozen=True)
class Slot:
    paths: Paths
    config: Config
    name: str

    @property
    def container(self) -> str:
        return self.config.container(self.name)

    def release(self) -> tuple[Release, tuple[str, str]]:
        store = Store(self.paths, self.config)
        number = store.records().links.get(self.name)
        if number is None:
            raise Failure(Code.PERSON, f"slot {self.name} is linked to no release", "releasectl recover")
        release = store.release(number)
        if not isinstance(release, Release):
            raise Failure(Code.PERSON, f"release {number} cannot be read: {release.why}", "releasectl recover")
        return release, store.env_paths(number)

    def shares(self) -> int:
        """A candidate boots behind the release that serves, until the engine favours it."""
        state = Store(self.paths, self.config).records().state
        live = state.live if isinstance(state, State) else None
        return dockercmd.BOOT_SHARES if live and live.slot != self.name else dockercmd.FULL_SHARES


def run_slot(paths: Paths, config: Config, name: str) -> int:
    slot = Slot(paths, config, name)
    docker = Docker(paths.docker_socket, paths.run)
    wake = _wake_on_sigterm()
    try:
        release, env_files = slot.release()
        pidfd = _adopt(docker, slot, release) or _start(docker, slot, release, env_files)
    except Failure as failure:
        print(failure.cause, file=sys.stderr)
        systemd.notify(f"STATUS={failure.cause}"[:1000])
        return 1
    if pidfd is None:
        return _ended(docker, slot, wake)
    systemd.notify("READY=1", f"STATUS={release.ref} runs")
    ready, _, _ = select.select([pidfd, wake], [], [])
    if pidfd in ready:
        return _ended(docker, slot, wake)
    systemd.notify("STOPPING=1")
    _stop(slot, pidfd, release.options.stop_timeout_s)
    return 0


def _wake_on_sigterm() -> int:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.detach())
    signal.signal(signal.SIGTERM, lambda *_: None)
    return reader.detach()


def _adopt(docker: Docker, slot: Slot, release: Release) -> int | None:
    """pidfd of the container that already runs this release in this slot."""
    found = docker.container(slot.container)
    if found is None:
        return None
    labels = found["Config"]["Labels"] or {}
    if labels.get(f"{dockercmd.LABEL}release") == str(release.ref.id):
        pidfd = _pidfd(docker, slot.container, found)
        if pidfd is not None:
            return pidfd
    docker.remove(slot.container)
    return None


def _start(docker: Docker, slot: Slot, release: Release, env_files: tuple[str, str]) -> int | None:
    options = release.options
    cache = slot.paths.cache(slot.config.service, options.user)
    if options.cache:
        _make_cache(cache, options.user)
    mounts = dockercmd.mounts(options, cache, slot.paths.trusted)
    done = run(dockercmd.run_argv(slot.config, release, slot.name, env_files, mounts, slot.shares()), 60)
    if done.code:
        port = slot.config.slots[slot.name]
        raise dockercmd.run_failure(done.words, port, lambda: holder(port, slot.container))
    return _pidfd(docker, slot.container, docker.container(slot.container))


def _make_cache(path: str, user: str) -> None:
    """A folder that only the container's user can read and write. Made here, for Docker would make it root's."""
    uid, _, gid = user.partition(":")
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.chown(path, int(uid), int(gid))
    except OSError as error:
        raise Failure(Code.GATE, f"cache: {path}: {error.strerror}") from error


def _pidfd(docker: Docker, name: str, found: dict[str, Any] | None) -> int | None:
    """None: it does not run (any more)."""
    pid = found["State"]["Pid"] if found and found["State"]["Running"] else 0
    if not pid:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # The number may have been given to somebody else in between.
    again = docker.container(name)
    if again and again["State"]["Running"] and again["State"]["Pid"] == pid:
        return pidfd
    os.close(pidfd)
    return None


def _ended(docker: Docker, slot: Slot, wake: int) -> int:
    fate = _fate(docker, slot.container)
    if select.select([wake], [], [], 0)[0]:
        # The engine ends at once what serves nobody: systemd tells us and Docker kills it, in whichever order.
        return 0
    text = f"{fate}\n{time.time()}\n"
    files.write_atomic(slot.paths.fate(slot.config.service, slot.name), text, 0o644)
    print(f"the container in slot {slot.name} {fate}", file=sys.stderr)
    systemd.notify(f"STATUS=the container {fate}")
    return 1


def _fate(docker: Docker, name: str) -> str:
    """How it ended, as Docker knows it. Docker learns of it a moment after us."""
    for _ in range(20):
        try:
            found = docker.container(name)
        except Failure:
            return "ended (Docker does not answer, so how is not known)"
        if found is None:
            return "ended and was removed"
        state = found["State"]
        if not state["Running"]:
            if state["OOMKilled"]:
                return f"was killed: out of memory (limit {found['HostConfig']['Memory'] // 2**20} MiB)"
            return f"exited with code {state['ExitCode']}" + (f" ({state['Error']})" if state["Error"] else "")
        time.sleep(0.05)
    return "ended"


def _stop(slot: Slot, pidfd: int, timeout_s: int) -> None:
    try:
        run(dockercmd.stop_argv(slot.container, timeout_s), timeout_s + GRACE_S)
    except Failure as failure:
        print(failure.cause, file=sys.stderr)
    if select.select([pidfd], [], [], 0)[0]:
        return
    # Docker could not: the same by ourselves.
    print("docker stop did not end the container; signalling it directly", file=sys.stderr)
    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    if not select.select([pidfd], [], [], timeout_s)[0]:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
