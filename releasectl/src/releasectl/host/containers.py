"""Docker as a service's engine uses it: the images of the host, and the service's containers by slot."""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..documents.timestamps import parse
from ..model.errors import Code, Failure
from ..model.model import Config
from ..model.rollout_options import RegistryAuth
from ..startup.http_client import ask_socket
from . import docker_commands as dockercmd
from . import files
from .command import TooSlow, run
from .docker import TIMEOUT_S, Docker

if TYPE_CHECKING:
    from .platform import Platform

# More than messages show, because repeated lines are shortened to one.
LOG_LINES = 400
# A directory for the credentials of a pull; the number is the process that created it.
LOGIN = "pull-"


class ServiceContainers:
    """`images_of_others`: the images that other services of this host have recorded; None: unknown."""

    def __init__(
        self,
        docker: Docker,
        *,
        config: Config,
        run_dir: str,
        images_of_others: Callable[[], frozenset[str] | None],
        pulse: Callable[[], None],
    ) -> None:
        self.docker = docker
        self.config = config
        self.run_dir = run_dir
        self.images_of_others = images_of_others
        self.pulse = pulse

    # Images.

    def free_mb(self) -> int:
        """On Docker's disk."""
        root = self.docker.ask("/info")["DockerRootDir"]
        disk = os.statvfs(root)
        return disk.f_bavail * disk.f_frsize // 2**20

    def has_image(self, image: str) -> bool:
        return self.docker.ask(f"/images/{image}/json") is not None

    def images(self) -> frozenset[str]:
        """None of them if a record of another service cannot be read: it may need any of them."""
        others = self.images_of_others()
        if others is None:
            return frozenset()
        images = self.docker.ask("/images/json")
        return frozenset(name for image in images for name in image["RepoDigests"] or ()) - others

    def pulled_at(self, image: str) -> float | None:
        """Only an image that we pulled has our local name. The time is Docker's (Engine API, ImageInspect)."""
        details = self.docker.ask(f"/images/{image}/json") or {}
        if dockercmd.kept_name(image) not in (details.get("RepoTags") or ()):
            return None
        try:
            # The fraction has nine digits, more than `parse` reads. The year 1 stands for unknown.
            return max(0.0, parse(f"{details['Metadata']['LastTagTime'][:19]}Z")) or None
        except (KeyError, TypeError, ValueError):
            return None

    def image_sizes(self) -> dict[str, int]:
        """Bytes that removing an image would free: layers that others share are not counted."""
        return {
            name: max(0, image["Size"] - max(0, image.get("SharedSize", 0)))
            for image in self.docker.ask("/images/json?shared-size=1")
            for name in image["RepoDigests"] or ()
        }

    def pull(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        with self._login(image, auth) as directory:
            try:
                done = run(dockercmd.pull_argv(image, directory), timeout_s, self.pulse)
            except TooSlow:
                raise dockercmd.pull_too_slow(image, timeout_s) from None
            except Failure as failure:
                raise Failure(Code.IMAGE, f"Failed to pull {image}: {failure.cause}", failure.hint) from failure
        if done.code:
            raise dockercmd.pull_failure(image, done.message)
        self._check_pulled(image)
        tagged = run(dockercmd.keep_argv(image), TIMEOUT_S)
        if tagged.code:
            raise Failure(Code.IMAGE, f"Failed to tag {image}: {tagged.message}")

    def check_platforms(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        """
        Refuse an image of the registry that cannot run here (Failure, code 5). Docker asks the registry, with its own
        proxies and CAs. Whatever hinders it hinders the pull too, which then reports it.
        """
        # Local import: only a pull needs it (docs/startup.md).
        from .platform import listed

        headers = {}
        if auth:
            # Engine API, "Authentication": JSON in base64url.
            account = json.dumps({"username": auth.username, "password": auth.password}).encode()
            encoded = binascii.b2a_base64(account, newline=False).decode()
            headers["X-Registry-Auth"] = encoded.replace("+", "-").replace("/", "_")
        path = f"/distribution/{image}/json"
        reply = ask_socket(self.docker.socket_path, "GET", path, timeout_s, headers=headers)
        if reply.status != 200:
            return
        failure = self._foreign(image, listed(json.loads(reply.body).get("Platforms")))
        if failure:
            raise failure

    def _check_pulled(self, image: str) -> None:
        """
        Refuse and remove an image that cannot run here. Docker pulls it all the same by the digest of its manifest, and
        does not name the platform of every kind of manifest beforehand. Raises Failure (code 5).
        """
        from .platform import Platform

        details = self.docker.ask(f"/images/{image}/json") or {}
        failure = self._foreign(image, (Platform(details.get("Os", "linux"), details.get("Architecture", "")),))
        if failure:
            run(("docker", "rmi", image), TIMEOUT_S)
            raise failure

    def _foreign(self, image: str, platforms: tuple[Platform, ...]) -> Failure | None:
        """Why an image for these platforms cannot run here; None: it can, or they are unknown."""
        from .platform import Platform, foreign, none_runs

        engine = self.docker.ask("/version") or {}
        host = Platform(engine.get("Os", "linux"), engine.get("Arch", ""))
        return foreign(image, platforms, host) if none_runs(platforms, host) else None

    def forget_logins(self) -> None:
        """Remove credentials that a killed engine left behind."""
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

    def remove_image(self, image: str) -> None:
        done = run(dockercmd.remove_image_argv(image), 120)
        # One of its two names may be missing already.
        if done.code and self.has_image(image):
            raise Failure(Code.PREFLIGHT, f"Failed to remove image {image}: {done.message}")

    # Containers.

    def by_slot(self) -> dict[str, int]:
        # {"label": ["slipway.service=…"]}; a service's name needs no quoting.
        filters = f"%7B%22label%22%3A%5B%22{dockercmd.LABEL}service%3D{self.config.service}%22%5D%7D"
        releases: dict[str, int] = {}
        for container in self.docker.ask(f"/containers/json?all=1&filters={filters}"):
            labels = container["Labels"]
            releases[labels[f"{dockercmd.LABEL}slot"]] = int(labels[f"{dockercmd.LABEL}release"])
        return releases

    def remove(self, slot: str) -> None:
        self.docker.remove(self.config.container(slot))

    def restore_cpu_shares(self, slot: str) -> None:
        """Docker's usual CPU shares (docker-run(1), --cpu-shares; cgroup v1 and v2)."""
        name, body = self.config.container(slot), {"CpuShares": dockercmd.FULL_SHARES}
        reply = ask_socket(self.docker.socket_path, "POST", f"/containers/{name}/update", TIMEOUT_S, body)
        if reply.status != 200:
            cause = f"failed to restore the CPU shares of {name}: {reply.status} {reply.body[:200]}"
            raise Failure(Code.PREFLIGHT, cause)

    def address(self, slot: str) -> str | None:
        container = self.docker.container(self.config.container(slot)) or {}
        networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
        return next((str(it["IPAddress"]) for it in networks.values() if it.get("IPAddress")), None)

    def logs(self, slot: str) -> tuple[str, ...]:
        """The last lines, oldest first; empty if Docker does not return them."""
        try:
            done = run(dockercmd.logs_argv(self.config.container(slot), LOG_LINES), TIMEOUT_S)
        except Failure:
            return ()
        if done.code:
            return ()
        return tuple(line.rstrip() for line in (done.out + done.err).splitlines() if line.strip())[-LOG_LINES:]
