"""Who was logged in at a time, as last(1) knows it: sessions with a terminal, and not what ran over SSH without one."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from ..model.errors import Failure
from .command import Running

TIMEOUT_S = 0.5
# What wtmp records beside the logins of people.
NO_PERSON = ("reboot", "runlevel", "shutdown")
# A login without an address.
LOCAL = ("0.0.0.0", "::")


def logged_in(times: Collection[float]) -> Mapping[float, tuple[str, ...]]:
    """Time (seconds since the epoch) → `NAME from ADDRESS`. All queries at once. Without `last` nothing is known."""
    try:
        asked = {at: Running(_last(at)) for at in times}
        return {at: parse(it.finish(TIMEOUT_S).out) for at, it in asked.items()}
    except Failure:
        return {}


def _last(at: float) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    return ("last", "--fullnames", "--ip", "--time-format", "notime", "--present", when)


def parse(text: str) -> tuple[str, ...]:
    """Lines `NAME TTY ADDRESS …`, then an empty line and where the record begins."""
    found = []
    for line in f"\n{text}".partition("\n\n")[0].splitlines():
        name, _, address = (*line.split(), "", "", "")[:3]
        if name and name not in NO_PERSON:
            numeric = address not in LOCAL and address.strip("0123456789abcdef:.") == "" and address
            found.append(f"{name} from {address}" if numeric else name)
    return tuple(dict.fromkeys(found))
