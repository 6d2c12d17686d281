"""SIGKILL to the engine at every place of its way: nobody is failed, and the host comes to one truth by itself."""

from __future__ import annotations

from typing import Any

from tests.faults import host
from tests.load.steady import SteadyLoad

PHASES = {"lock", "recover", "preflight", "pull", "start", "gate", "switch", "drain", "bake", "record", "standby"}


def phases_of(way: list[str]) -> set[str]:
    return {place.partition("/")[0] for place in way}


def outcome(place: str, before: str, wanted: str, entries: int, kind: str) -> str:
    """After recovery: `not begun`, `failed` or `live`; the history says the same as the host does."""
    seen = host.recovered()
    now = seen["status"]["live"]["release"]["version"]
    news = seen["history"][entries:]
    if not news:
        assert now == before, f"{place}: nothing was begun"
        return "not begun"
    assert len(news) == 1, f"{place}: {news}"
    assert (news[0]["kind"], news[0]["version"]) == (kind, wanted), f"{place}: {news}"
    assert now == (wanted if news[0]["outcome"] == "live" else before), f"{place}: {news}"
    return str(news[0]["outcome"])


def killed_everywhere(way: list[str], kind: str, command: Any) -> dict[str, str]:
    fates = {}
    for place in way:
        before = host.live()
        wanted = host.other(before)
        entries = len(host.look()["history"])
        killed = command(place, wanted)
        assert killed.code == 137, f"{place}: {killed}"
        fates[place] = outcome(place, before, wanted, entries, kind)
        # There is a way back, whatever happened.
        host.good(host.releasectl("rollback", "--to", host.other(host.live())))
        host.well()
    return fates


def test_a_deploy_that_is_killed_anywhere_is_all_or_nothing(load: SteadyLoad) -> None:
    """The places are those that a deploy tells itself: a new phase or step is covered by itself."""
    host.configure(bake_s=0.3)
    way = host.places(host.request(host.other(host.live())), "deploy")
    assert phases_of(way) >= PHASES
    fates = killed_everywhere(way, "deploy", lambda place, to: host.deploy_at(place, "kill", host.request(to)))
    host.configure(bake_s=0)
    assert {fates[place] for place in ("lock", "recover", "preflight")} == {"not begun"}
    assert {fates[place] for place in ("start/StartUnit", "gate", "gate/CheckIdentity")} == {"failed"}
    assert {fates[place] for place in ("switch/SetMap/after", "drain", "record", "standby")} == {"live"}


def test_a_rollback_that_is_killed_anywhere_is_all_or_nothing(load: SteadyLoad) -> None:
    def rollback(place: str, to: str) -> host.Answer:
        return host.engine_at(place, "kill", None, "rollback", "--to", to)

    way = host.places(None, "rollback", "--to", host.other(host.live()))
    assert phases_of(way) >= PHASES - {"bake"}
    fates = killed_everywhere(way, "rollback", rollback)
    assert {fates[place] for place in ("switch/SetMap/after", "record/AppendHistory/after")} == {"live"}


def test_an_undo_that_is_killed_is_gone_on_with(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    killed = host.deploy_at("undo", "kill", host.request(host.other(before), "exits"))
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
