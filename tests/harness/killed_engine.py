"""SIGKILL to the engine at each place of a command, one place after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.harness import host_driver as host

Command = Callable[[str, str], host.Answer]


def phases_of(way: list[str]) -> set[str]:
    return {place.partition("/")[0] for place in way}


def distinct(way: list[str]) -> list[str]:
    """
    Without the places between two others at which nothing differs on the host: the start of a phase is also the place
    before its first step, and after a step is before the next one.
    """
    stepped = {place.partition("/")[0] for place in way if "/" in place}
    return [place for place in way if ("/" in place or place not in stepped) and place.count("/") < 2] + way[-1:]


def killed_everywhere(way: list[str], kind: str, command: Command, ways_back: bool = True) -> dict[str, str]:
    """
    place → what became of it after recovery: `not begun`, `failed` or `live`. History says what the host does.
    `ways_back`: a rollback is tried in between.
    """
    fates: dict[str, str] = {}
    seen = host.look()
    for place in distinct(way):
        before, entries = version_of(seen), len(seen["history"])
        wanted = host.other(before)
        killed = command(place, wanted)
        assert killed.code == 137, f"{place}: {killed}"
        seen = host.recovered()
        news = seen["history"][entries:]
        if news:
            assert [(it["kind"], it["version"]) for it in news] == [(kind, wanted)], f"{place}: {news}"
        fates[place] = news[0]["outcome"] if news else "not begun"
        assert version_of(seen) == (wanted if fates[place] == "live" else before), f"{place}: {seen}"
        if ways_back and ("/" not in place or not seen["status"]["standby"]):
            # There is a way back, whatever happened; and the next one finds a standby again, which has to make room.
            seen = host.well(seen=host.look(f"rollback --to {host.other(version_of(seen))}"))
    return fates


def version_of(seen: dict[str, Any]) -> str:
    return str(seen["status"]["live"]["release"]["version"])
