"""Docker: questions go to the engine's socket (no process, a millisecond), commands through its client."""

from __future__ import annotations

import binascii
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..documents.timestamps import parse
from ..model.errors import Code, Failure
from ..model.rollout_options import RegistryAuth
from ..startup.http_client import ask_socket
from . import docker_commands as dockercmd
from . import files
from .command import TooSlow, run
from .platform import Platform, emulated, foreign, runs

TIMEOUT_S = 10.0
# So long an engine that was killed or restarted may be away in the middle of a command that can be repeated.
RESTART_S = 15.0
# More than is shown: what repeats itself is told once.
LOG_LINES = 400
# A folder for the credentials of a pull; the number is the process that made it.
LOGIN = "pull-"


class DockerAway(Failure):
    """The engine does not answer: it is down, or starts just now."""


class Docker:
    def __init__(self, socket_path: str, run_dir: str) -> None:
        self.socket_path = socket_path
        self.run_dir = run_dir

    def ask(self, path: str) -> Any:
        """GET of the Engine API (unversioned: whatever this engine speaks). None: 404. Raises Failure (code 8)."""
        begun = time.monotonic()
        reply = ask_socket(self.socket_path, "GET", path, TIMEOUT_S)
        if reply.status == 0 and time.monotonic() - begun < TIMEOUT_S:
            # An engine that was killed in the middle. systemd holds its socket, and starts it for whoever connects.
            reply = ask_socket(self.socket_path, "GET", path, TIMEOUT_S)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise DockerAway(
                Code.PREFLIGHT,
                f"Docker does not answer: {reply.status or ''} {reply.body[:200]}".replace("  ", " "),
                "See `systemctl status docker`. What runs goes on running.",
            )
        return json.loads(reply.body)

    def free_mb(self) -> int:
        root = self.ask("/info")["DockerRootDir"]
        disk = os.statvfs(root)
        return disk.f_bavail * disk.f_frsize // 2**20

    def has_image(self, image: str) -> bool:
        return self.ask(f"/images/{image}/json") is not None

    def images(self) -> frozenset[str]:
        return frozenset(name for image in self.ask("/images/json") for name in image["RepoDigests"] or ())

    def pulled_at(self, image: str) -> float | None:
        """Only what we pulled has our local name; Docker says when it got it (Engine API, ImageInspect)."""
        found = self.ask(f"/images/{image}/json") or {}
        if dockercmd.kept_name(image) not in (found.get("RepoTags") or ()):
            return None
        try:
            # Nine digits of a second are more than we read. The year 1 stands for: not known.
            return max(0.0, parse(f"{found['Metadata']['LastTagTime'][:19]}Z")) or None
        except (KeyError, TypeError, ValueError):
            return None

    def image_sizes(self) -> dict[str, int]:
        """Bytes that removing an image would free: layers that others share are not counted."""
        return {
            name: max(0, image["Size"] - max(0, image.get("SharedSize", 0)))
            for image in self.ask("/images/json?shared-size=1")
            for name in image["RepoDigests"] or ()
        }

    def container(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.ask(f"/containers/{name}/json")
        return found

    def containers(self, service: str) -> dict[str, int]:
        """slot → release of the containers of a service, running or not."""
        # {"label": ["slipway.service=…"]}; a service's name needs no quoting.
        wanted = f"%7B%22label%22%3A%5B%22{dockercmd.LABEL}service%3D{service}%22%5D%7D"
        found: dict[str, int] = {}
        for item in self.ask(f"/containers/json?all=1&filters={wanted}"):
            labels = item["Labels"]
            found[labels[f"{dockercmd.LABEL}slot"]] = int(labels[f"{dockercmd.LABEL}release"])
        return found

    def publishers(self, port: int) -> tuple[str, ...]:
        """Ids of the containers that run and publish this port of the host."""
        # {"publish": ["18080"]}
        found = self.ask(f"/containers/json?filters=%7B%22publish%22%3A%5B%22{port}%22%5D%7D")
        return tuple(str(item["Id"]) for item in found)

    def pull(self, image: str, auth: RegistryAuth | None, timeout_s: float, pulse: Callable[[], None]) -> None:
        with self._login(image, auth) as directory:
            try:
                done = run(dockercmd.pull_argv(image, directory), timeout_s, pulse)
            except TooSlow:
                raise dockercmd.pull_too_slow(image, timeout_s) from None
            except Failure as failure:
                raise Failure(Code.IMAGE, f"Failed to pull {image}: {failure.cause}", failure.hint) from failure
        if done.code:
            raise dockercmd.pull_failure(image, done.words)
        self._check_platform(image)
        kept = run(dockercmd.keep_argv(image), TIMEOUT_S)
        if kept.code:
            raise Failure(Code.IMAGE, f"Failed to tag {image}: {kept.words}")

    def _check_platform(self, image: str) -> None:
        """Docker pulls what cannot run here, too: by the digest of its manifest. It does not stay. Raises Failure."""
        found, engine = (self.ask(path) or {} for path in (f"/images/{image}/json", "/version"))
        built, host = (Platform(it.get("Os", "linux"), it.get(name, "")) for it, name in
                       ((found, "Architecture"), (engine, "Arch")))  # fmt: skip
        if not runs(built, host) and not runs(built, host, emulated()):
            run(("docker", "rmi", image), TIMEOUT_S)
            raise foreign(image, built, host)

    def forget_logins(self) -> None:
        """Credentials that an engine which was killed left behind."""
        for name in os.listdir(self.run_dir):
            if name.startswith(LOGIN) and not os.path.exists(f"/proc/{name.removeprefix(LOGIN)}"):
                files.remove_tree(os.path.join(self.run_dir, name))

    @contextmanager
    def _login(self, image: str, auth: RegistryAuth | None) -> Iterator[str | None]:
        """A client configuration that lives as long as the pull, on a tmpfs, for root alone."""
        if auth is None:
            yield None
            return
        directory = os.path.join(self.run_dir, f"{LOGIN}{os.getpid()}")
        os.mkdir(directory, 0o700)
        try:
            pair = binascii.b2a_base64(f"{auth.username}:{auth.password}".encode(), newline=False).decode()
            with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
                json.dump({"auths": {image.partition("/")[0]: {"auth": pair}}}, file)
            yield directory
        finally:
            files.remove_tree(directory)

    def restore_cpu_shares(self, name: str) -> None:
        """Docker's usual share of the processor (docker-run(1), --cpu-shares; cgroup v1 and v2)."""
        body = {"CpuShares": dockercmd.FULL_SHARES}
        reply = ask_socket(self.socket_path, "POST", f"/containers/{name}/update", TIMEOUT_S, body)
        if reply.status != 200:
            raise Failure(
                Code.PREFLIGHT, f"failed to restore the CPU shares of {name}: {reply.status} {reply.body[:200]}"
            )

    def remove(self, name: str, pulse: Callable[[], None] | None = None) -> None:
        end = time.monotonic() + RESTART_S
        done = run(dockercmd.remove_argv(name), 60, pulse)
        while done.code and dockercmd.is_away(done.words) and time.monotonic() < end:
            time.sleep(0.5)
            done = run(dockercmd.remove_argv(name), 60, pulse)
        if done.code and "no such container" not in done.words.lower():
            away = dockercmd.is_away(done.words)
            raise (DockerAway if away else Failure)(Code.PREFLIGHT, f"Failed to remove container {name}: {done.words}")

    def remove_image(self, image: str) -> None:
        done = run(dockercmd.remove_image_argv(image), 120)
        # One of the two names may be gone already; that it is gone is what was wanted.
        if done.code and self.has_image(image):
            raise Failure(Code.PREFLIGHT, f"Failed to remove image {image}: {done.words}")

    def logs(self, name: str) -> tuple[str, ...]:
        """The last lines, oldest first; nothing when they can't be had."""
        try:
            done = run(dockercmd.logs_argv(name, LOG_LINES), TIMEOUT_S)
        except Failure:
            return ()
        if done.code:
            return ()
        return tuple(line.rstrip() for line in (done.out + done.err).splitlines() if line.strip())[-LOG_LINES:]
