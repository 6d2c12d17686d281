"""Docker and HAProxy of the host under test: killed, and waited for."""

from __future__ import annotations

from drills.faults import socket_command
from tests.harness import lab

KILL_DOCKER = "systemctl kill --signal KILL --kill-whom main docker"
# No failure may begin later than this after the edge runs again: time for one more look of a client.
SLACK_S = 0.5


def edge_command(text: str) -> None:
    """By HAProxy's socket, as a person gives it by hand."""
    lab.on_host("sh", "-c", socket_command(text))


def container_ids() -> str:
    return lab.on_host("docker", "ps", "--quiet", "--no-trunc")


def docker_answers() -> None:
    lab.wait_until(lambda: bool(container_ids()), "Docker answers again")


def edge_answers() -> None:
    lab.wait_until(lambda: lab.ask("/ready").status_code == 200, "the edge answers again")
