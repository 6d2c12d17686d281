"""A container that answers by its own address while the port that Docker publishes for it does not."""

from __future__ import annotations

from ..model.errors import Failure
from ..model.model import Release
from ..rollout.finding import DOCKER, Finding
from ..rollout.ports import Host, ProbeRequest

CONTAINER_S = 0.5
FIX = "sudo systemctl restart docker (containers keep running)"


def unreachable(host: Host, slot: str, release: Release) -> Finding | None:
    """Only for a slot whose port does not answer. None: the container does not answer either, or that is unknown."""
    try:
        address = host.containers.address(slot)
    except Failure:
        return None
    if address is None:
        return None
    request = ProbeRequest(release.gates.readiness_path, CONTAINER_S)
    reply = host.http.probe_container(slot, address, release.options.container_port, request)
    if reply.status != 200:
        return None
    port = host.config.slots[slot]
    cause = f"the container of {release.ref} answers, 127.0.0.1:{port} does not reach it: Docker's rules are missing"
    return Finding(DOCKER, cause, FIX)
