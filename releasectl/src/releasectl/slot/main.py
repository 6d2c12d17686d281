"""
The main process of a slot's unit: starts the slot's container, or adopts the one that runs already, says READY to
systemd, and shares the container's cause. It watches and ends the container's first process by pidfd (pidfd_open(2)),
not through the Docker engine, sees to it that the container's output never blocks it, and keeps its port published. So
the container serves and can be stopped whether the engine runs, hangs, restarts (live-restore) or is down.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from types import FrameType

from ..host import docker_commands as dockercmd
from ..host import files, systemd
from ..host.command import run
from ..host.docker import Docker, DockerAway
from ..host.events import Events
from ..host.listener import holder
from ..host.paths import Paths
from ..host.store import Store
from ..model.errors import Code, Failure
from ..model.model import Config, Release, State
from ..startup.fast_dataclass import dataclass
from .container import Running, running
from .exits import Exits
from .output import Output, fifos
from .published import Published, table

# For a process that was killed to be gone, and for Docker to finish what it had begun when the unit was told to stop.
GRACE_S = 5
# How long a start waits for Docker: shorter than the engine waits for the slot (deadlines_s.start, 30 s).
DOCKER_S = 25


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
        number = store.read().links.get(self.name)
        if number is None:
            raise Failure(Code.PERSON, f"slot {self.name} is linked to no release", "releasectl recover")
        release = store.release(number)
        if not isinstance(release, Release):
            raise Failure(Code.PERSON, f"release {number} cannot be read: {release.why}", "releasectl recover")
        return release, store.env_paths(number)

    @property
    def exits(self) -> Exits:
        return Exits(self.paths, self.config, self.name)

    def shares(self) -> int:
        """A candidate starts with reduced CPU shares, until the engine restores them."""
        state = Store(self.paths, self.config).read().state
        live = state.live if isinstance(state, State) else None
        return dockercmd.BOOT_SHARES if live and live.slot != self.name else dockercmd.FULL_SHARES


def run_slot(paths: Paths, config: Config, name: str) -> int:
    slot = Slot(paths, config, name)
    docker = Docker(paths.docker_socket)
    stop = StopRequest()
    try:
        release, env_files = slot.release()
        running = _bring_up(docker, slot, release, env_files, stop)
    except Failure as failure:
        print(failure.cause, file=sys.stderr)
        systemd.notify(f"STATUS={failure.cause}"[:1000])
        return 0 if stop.to_end else 1
    if running is None:
        return _ended(docker, slot, stop, release)
    output = Output(fifos(paths.container_io(running.id), running.id))
    published = _publish(slot, release, running)
    systemd.notify("READY=1", f"STATUS={release.ref} runs")
    comeback = slot.exits.watch(release)
    try:
        while not running.ended() and not stop.to_end:
            _wait(slot, running, stop, output, published, next(comeback, float("inf")))
        if stop.to_end:
            systemd.notify("STOPPING=1")
            _end(running, stop, output, release.options.stop_timeout_s)
            slot.exits.stopped(release.ref, systemd.shutting_down)
            return 0
    finally:
        # At once: a slot that is down has to refuse, or HAProxy would wait for it.
        if published:
            published.withdraw()
        output.close()
    return _ended(docker, slot, stop, release)


class StopRequest:
    """What systemd requests: SIGTERM ends the container with its image's stop signal, SIGINT kills it."""

    def __init__(self) -> None:
        self.to_end = self.to_kill = False
        self.at = 0.0
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.detach())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._wake = reader.detach()

    def fileno(self) -> int:
        return self._wake

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.at = self.at or time.monotonic()
        self.to_end = True
        self.to_kill = self.to_kill or number == signal.SIGINT

    def forget_wakes(self) -> None:
        try:
            os.read(self._wake, 64)
        except BlockingIOError:
            return

    def pulse(self) -> None:
        """While Docker works for us: what is almost there is waited for, an engine that hangs is not."""
        if self.to_end and time.monotonic() - self.at > GRACE_S:
            raise Failure(Code.GATE, "stopped before Docker had started the container")


def _bring_up(
    docker: Docker, slot: Slot, release: Release, env_files: tuple[str, str], stop: StopRequest
) -> Running | None:
    """
    Retries while Docker starts or restarts. The units are not ordered: systemd would delay the start of Docker until
    every unit with After=docker.service that is stopping has stopped (systemd.unit(5)).
    """
    begun, freed = time.monotonic(), False
    while True:
        try:
            return _adopt(docker, slot, release, stop) or _start(docker, slot, release, env_files, stop)
        except DockerAway:
            if stop.to_end or time.monotonic() - begun > DOCKER_S:
                raise
        except Failure as failure:
            if stop.to_end or freed or not _leaked_port(docker, slot, failure):
                raise
            freed = True
            print(f"{failure.cause} No container uses the port. Restarting Docker to release it.", file=sys.stderr)
            systemd.restart_docker()
        select.select([stop], [], [], 0.2)


def _leaked_port(docker: Docker, slot: Slot, failure: Failure) -> bool:
    """
    A dockerd that was killed while it removed a container takes the container's port for allocated when it comes back,
    for as long as it lives (moby: bridge.restorePortAllocations).
    """
    return "port is already allocated" in failure.cause and not docker.publishers(slot.config.slots[slot.name])


def _adopt(docker: Docker, slot: Slot, release: Release, stop: StopRequest) -> Running | None:
    """The container that already runs this release in this slot."""
    found = docker.container(slot.container)
    if found is None:
        return None
    labels = found["Config"]["Labels"] or {}
    if labels.get(f"{dockercmd.LABEL}release") == str(release.ref.id):
        adopted = running(docker, slot.container, found)
        if adopted is not None:
            return adopted
    docker.remove(slot.container, stop.pulse)
    return None


def _start(
    docker: Docker, slot: Slot, release: Release, env_files: tuple[str, str], stop: StopRequest
) -> Running | None:
    options = release.options
    cache = slot.paths.cache(slot.config.service, options.user)
    if options.cache:
        _make_cache(cache, options.user)
    mounts = dockercmd.mounts(options, cache, slot.paths.trusted)
    argv = dockercmd.run_argv(slot.config, release, slot.name, env_files, mounts, slot.shares())
    done = run(argv, 60, stop.pulse)
    if done.code:
        if dockercmd.is_away(done.message):
            raise DockerAway(Code.GATE, f"docker run: {done.message}")
        port = slot.config.slots[slot.name]
        raise dockercmd.run_failure(done.message, port, lambda: holder(port, slot.container))
    return running(docker, slot.container, docker.container(slot.container))


def _publish(slot: Slot, release: Release, running: Running) -> Published | None:
    if not running.address:
        return None
    name = table(slot.config.service, slot.name)
    return Published(name, slot.config.slots[slot.name], running.address, release.options.container_port)


def _wait(
    slot: Slot, running: Running, stop: StopRequest, output: Output, published: Published | None, at_most_s: float
) -> None:
    """Until something happens, or the output is to be looked at again."""
    events = published.fileno() if published else -1
    wanted = [running.pidfd, stop.fileno(), *([events] if events >= 0 else [])]
    ready, _, _ = select.select(wanted, [], [], min(at_most_s, output.check()))
    if stop.fileno() in ready:
        stop.forget_wakes()
    if events in ready and published and published.check():
        cause = f"the rules that lead from 127.0.0.1:{slot.config.slots[slot.name]} to the container were removed"
        print(f"{cause}; restored", file=sys.stderr)
        Events(slot.paths.events, slot.config.service).emit(
            {"phase": "slot", "event": "repaired", "slot": slot.name, "cause": cause}
        )


def _make_cache(path: str, user: str) -> None:
    """A folder that only the container's user can read and write. Made here, for Docker would make it root's."""
    uid, _, gid = user.partition(":")
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.chown(path, int(uid), int(gid))
    except OSError as error:
        raise Failure(Code.GATE, f"cache: {path}: {error.strerror}") from error


def _ended(docker: Docker, slot: Slot, stop: StopRequest, release: Release) -> int:
    cause = _exit_cause(docker, slot.container)
    if stop.to_end:
        # The engine stops a slot without traffic at once: the signal and Docker's kill arrive in either order.
        return 0
    text = f"{cause}\n{time.time()}\n"
    files.write_atomic(slot.paths.exit_record(slot.config.service, slot.name), text, 0o644)
    slot.exits.ended(release.ref, cause)
    print(f"the container in slot {slot.name} {cause}", file=sys.stderr)
    systemd.notify(f"STATUS=the container {cause}")
    return 1


def _exit_cause(docker: Docker, name: str) -> str:
    """How it ended, as Docker knows it. Docker learns of it a moment after us."""
    for _ in range(20):
        try:
            found = docker.container(name)
        except Failure:
            return "exited (exit code unknown: Docker does not answer)"
        if found is None:
            return "ended and was removed"
        state = found["State"]
        if not state["Running"]:
            if state["OOMKilled"]:
                return f"was killed: out of memory (limit {found['HostConfig']['Memory'] // 2**20} MiB)"
            return f"exited with code {state['ExitCode']}" + (f" ({state['Error']})" if state["Error"] else "")
        time.sleep(0.05)
    return "ended"


def _end(running: Running, stop: StopRequest, output: Output, timeout_s: int) -> None:
    """As `docker stop` does, without Docker. Whoever ends still prints: the output is looked after to the last."""
    if not stop.to_kill:
        running.send(running.stop_signal)
        _await_end(running, stop, output, timeout_s)
    if not running.ended():
        running.send(signal.SIGKILL)
        stop.to_kill = False
        _await_end(running, stop, output, GRACE_S)


def _await_end(running: Running, stop: StopRequest, output: Output, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not running.ended() and not stop.to_kill:
        left = end - time.monotonic()
        if left <= 0:
            return
        select.select([running.pidfd, stop.fileno()], [], [], min(left, output.check()))
        stop.forget_wakes()
