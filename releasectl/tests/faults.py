"""Where and how the simulated edge fails."""

from __future__ import annotations

from dataclasses import dataclass

from releasectl.model.errors import Code

DISK = frozenset(
    {
        "append_history",
        "save_state",
        "begin_journal",
        "append_journal",
        "write_release",
        "link_slot",
        "write_map",
        "write_split",
    }
)
"""Calls that a full disk makes fail."""
WRITES = DISK | {
    "clear_journal", "set_aside_journal", "remove_release", "unlink_slot", "sweep", "start_unit", "stop_unit",
    "pull_image", "remove_image", "remove_container", "set_map", "set_split", "restart_docker", "load_firewall",
}  # fmt: skip
MIDWAY = frozenset({"save_state", "write_release", "remove_release", "write_map", "write_split"})


class Crash(BaseException):
    """kill -9, or the power cut."""


@dataclass(frozen=True)
class CrashAt:
    call: int
    when: str
    """`before`, `midway` or `after` the effect."""


@dataclass(frozen=True)
class FailAt:
    """The call number `call` fails; `of` given: and every later one of these names."""

    call: int
    of: frozenset[str] = frozenset()
    code: int = Code.PREFLIGHT

    def hits(self, number: int, name: str) -> bool:
        return number == self.call or (number > self.call and name in self.of)
