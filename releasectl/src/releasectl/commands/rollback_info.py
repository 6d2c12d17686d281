"""The rollback status: whether a rollback is possible, to which release, and why not."""

from __future__ import annotations

from ..documents.timestamps import age
from ..model.errors import Failure
from ..model.model import Release, State
from ..rollout.ports import Host, moment


def rollback_info(host: Host, state: State) -> str:
    """One line: the rollback target and how it starts, or why there is none."""
    standby, previous = state.standby, state.previous
    if state.live and state.live.via == "rollback":
        return "not selected: after a rollback, specify the release: releasectl rollback --to VERSION|ID"
    if standby:
        return f"ready: {standby.ref} is on standby on {standby.slot} for another {age(standby.left_s(moment(host)))}"
    if previous is None:
        return "not possible: no release was live before"
    if not isinstance(host.records.releases().get(previous.id), Release):
        return f"not possible: {previous} is no longer recorded"
    try:
        has_image = host.containers.has_image(previous.image)
    except Failure as failure:
        # Docker is down. The live release serves all the same.
        return f"not known: {failure.cause}"
    if not has_image:
        return f"not possible: the image of {previous} is missing from this host"
    return f"ready: {previous} starts from its image and snapshot on this host"
