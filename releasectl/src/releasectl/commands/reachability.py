"""Whether the slots answer where HAProxy asks them, and what that means for a rollout."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Code, Failure
from ..model.journal import Intent
from ..model.model import Release
from ..rollout.finding import DOCKER, RESTART_DOCKER, Finding, releasectl
from ..rollout.gates import STILL_SERVES, is_ready
from ..rollout.ports import Host, ProbeRequest

CONTAINER_S = 0.5


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
    return Finding(DOCKER, cause, RESTART_DOCKER)


def keep_cut_off_standby(host: Host, intent: Intent, releases: Mapping[int, Release]) -> None:
    """
    Neither port of the slots answers although a container does: a rollout would stop the standby for a candidate that
    cannot be reached either. Raises Failure (code 8).
    """
    running = [it for it in (intent.before.live, intent.before.standby) if it and it.ref.id in releases]
    found = [unreachable(host, it.slot, releases[it.ref.id]) for it in running]
    if not any(found):
        return
    ports = " and ".join(f"127.0.0.1:{host.config.slots[it.slot]}" for it in running)
    raise Failure(
        Code.PREFLIGHT,
        f"{ports} cannot be reached, although the containers answer: Docker's rules are missing. "
        f"Nothing was stopped for {intent.target}",
        "Restart Docker (`sudo systemctl restart docker`; containers keep running), then run the command again.",
    )


def hint_after(host: Host, intent: Intent, hint: str | None) -> str | None:
    """The hint of a failure that was undone: whether the old release serves, as it may say, is asked, not assumed."""
    if not hint or not hint.startswith(STILL_SERVES):
        return hint
    live = intent.before.live
    if live is None:
        return hint.replace(STILL_SERVES, "Nothing was live before.")
    release = host.records.releases().get(live.ref.id)
    if isinstance(release, Release) and is_ready(host, live.slot, release.gates):
        return hint
    run = releasectl(host.config.service, "status")
    return f"Outage: the previous release {live.ref} does not answer either. Run: {run}"
