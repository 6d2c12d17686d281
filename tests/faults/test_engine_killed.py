"""SIGKILL to the engine at every place of its way: nobody is failed, and the host comes to one truth by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.harness import host_driver as host
from tests.harness.load.steady import SteadyLoad

Command = Callable[[str, str], host.Answer]
PHASES = {"lock", "recover", "preflight", "pull", "start", "gate", "switch", "drain", "bake", "record", "standby"}


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


def test_a_deploy_that_is_killed_anywhere_is_all_or_nothing(load: SteadyLoad) -> None:
    """The places are those that a deploy tells itself: a new phase or step is covered by itself."""
    with host.configured(bake_s=0.3):
        way = host.places(host.request(host.other(host.live())), "deploy")
        assert phases_of(way) >= PHASES
        fates = killed_everywhere(way, "deploy", lambda place, to: host.deploy_at(place, "kill", host.request(to)))
    assert {fates[place] for place in ("lock", "recover", "preflight")} == {"not begun"}
    assert {fates[place] for place in ("start/StartUnit", "gate/AwaitPath", "gate/CheckIdentity")} == {"failed"}
    assert {fates[place] for place in ("switch/SetMap", "drain/Drain", "record/AppendHistory", "standby")} == {"live"}


def test_a_rollback_that_is_killed_anywhere_is_all_or_nothing(load: SteadyLoad) -> None:
    def rollback(place: str, to: str) -> host.Answer:
        return host.engine_at(place, "kill", None, "rollback", "--to", to)

    way = host.places(None, "rollback", "--to", host.other(host.live()))
    assert phases_of(way) >= PHASES - {"bake"}
    fates = killed_everywhere(way, "rollback", rollback)
    assert {fates[place] for place in ("switch/SetMap", "record/SaveState")} == {"live"}


def test_a_hook_hears_of_what_recovery_undoes(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    heard, hook = "/run/fault.heard", "/etc/slipway/inference/hooks/on-failure"
    host.shell(f"printf '#!/bin/sh\ncat >> {heard}\n' > {hook} && chmod 755 {hook}")
    try:
        assert host.deploy_at("gate", "kill", host.request(wanted)).code == 137
        host.recovered()
        documents = [json.loads(line) for line in host.shell(f"cat {heard}").splitlines()]
    finally:
        host.shell(f"rm -f {hook} {heard}")
    assert [(it["hook"], it["release"]["version"], it["code"]) for it in documents] == [("on-failure", wanted, 3)]
    assert "interrupted in phase" in documents[0]["cause"]


def test_an_undo_that_is_killed_is_gone_on_with(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    killed = host.deploy_at("undo/journaled", "kill", host.request(host.other(before), "exits"))
    assert killed.code == 137
    seen = host.recovered(entries + 1)
    assert "ended" in seen["history"][-1]["cause"], "the cause of then"
    assert host.live() == before


def test_recovery_that_is_killed_is_recovered_from(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    assert host.deploy_at("gate", "kill", host.request(host.other(before))).code == 137
    assert host.engine_at("undo", "kill", None, "recover").code == 137
    host.recovered(entries + 1)
    assert host.live() == before


def test_a_rollback_repeats_what_was_interrupted(load: SteadyLoad) -> None:
    wanted = host.other(host.live())
    assert host.engine_at("drain", "kill", None, "rollback", "--to", wanted).code == 137
    again = host.good(host.releasectl("rollback", "--to", wanted))
    assert again.doc["outcome"] == "unchanged", "recovery had finished it"
    host.well()
    assert host.live() == wanted


def test_a_signal_stops_it_before_the_switch_and_not_after(load: SteadyLoad) -> None:
    for name, place, stops in (
        ("INT", "start/StartUnit", True),
        ("TERM", "gate/AwaitPath", True),
        ("INT", "switch/SetMap", False),
        ("TERM", "drain/Drain", False),
    ):
        before, entries = host.live(), len(host.look()["history"])
        wanted = host.other(before)
        answer = host.deploy_at(place, f"kill -{name} $PPID", host.request(wanted))
        assert answer.code == (3 if stops else 0), f"{place}: {answer}"
        host.well(entries + 1)
        assert host.live() == (before if stops else wanted), place
