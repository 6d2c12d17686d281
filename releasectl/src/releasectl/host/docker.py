"""Docker's engine: queries go to its socket (no process, a millisecond), commands through its client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ..model.errors import Code, Failure
from ..startup.http_client import ask_socket
from . import docker_commands as dockercmd
from .command import run

TIMEOUT_S = 10.0
# How long an engine that was killed or restarted may be away during a command that can be repeated.
RESTART_S = 15.0


class DockerAway(Failure):
    """The engine does not answer: it is down, or starts just now."""


class Docker:
    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path

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
                "See `systemctl status docker`. Running containers are not affected.",
            )
        return json.loads(reply.body)

    def container(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.ask(f"/containers/{name}/json")
        return found

    def publishers(self, port: int) -> tuple[str, ...]:
        """Ids of the containers that run and publish this port of the host."""
        # {"publish": ["18080"]}
        found = self.ask(f"/containers/json?filters=%7B%22publish%22%3A%5B%22{port}%22%5D%7D")
        return tuple(str(item["Id"]) for item in found)

    def remove(self, name: str, pulse: Callable[[], None] | None = None) -> None:
        end = time.monotonic() + RESTART_S
        done = run(dockercmd.remove_argv(name), 60, pulse)
        while done.code and dockercmd.is_away(done.message) and time.monotonic() < end:
            time.sleep(0.5)
            done = run(dockercmd.remove_argv(name), 60, pulse)
        if done.code and "no such container" not in done.message.lower():
            away = dockercmd.is_away(done.message)
            raise (DockerAway if away else Failure)(
                Code.PREFLIGHT, f"Failed to remove container {name}: {done.message}"
            )
