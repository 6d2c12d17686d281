"""SIGKILL to the engine at every place of its way: nobody is failed, and the host comes to one truth by itself."""

from __future__ import annotations

import json

from tests.harness import host_driver as host
from tests.harness.killed_engine import killed_everywhere, phases_of
from tests.harness.load.steady import SteadyLoad

PHASES = {"lock", "recover", "preflight", "pull", "start", "gate", "switch", "drain", "bake", "record", "standby"}


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
