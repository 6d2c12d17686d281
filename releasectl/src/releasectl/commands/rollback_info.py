"""The way back from what is live."""

from __future__ import annotations

from ..documents.timestamps import age
from ..model.errors import Failure
from ..model.model import Release, State
from ..rollout.ports import Host, moment


def rollback_info(host: Host, state: State) -> str:
    """One line: can we roll back, to what, how fast, and if not, why not."""
    standby, previous = state.standby, state.previous
    if state.live and state.live.via == "rollback":
        return "after a rollback: name the next release, `releasectl rollback --to VERSION|ID`"
    if standby:
        return f"ready: {standby.ref} stands by on {standby.slot} for {age(standby.left_s(moment(host)))}"
    if previous is None:
        return "not possible: no release was live before"
    if not isinstance(host.read_releases().get(previous.id), Release):
        return f"not possible: {previous} is no longer recorded"
    try:
        there = host.has_image(previous.image)
    except Failure as failure:
        # Docker is down: what is live serves, and whoever asks for it is answered.
        return f"not known: {failure.cause}"
    if not there:
        return f"not possible: the image of {previous} is gone from this host"
    return f"ready: {previous} starts from its image and snapshot on this host"
