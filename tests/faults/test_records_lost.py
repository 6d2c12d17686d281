"""What the engine has written is truncated, garbled or gone: it finds the truth again, or asks, and all serve on."""

from __future__ import annotations

import pytest

from tests.harness import host_driver as host
from tests.harness import lab
from tests.harness.load.steady import SteadyLoad

STATE = f"{host.HOME}/state.json"
HISTORY = f"{host.HOME}/history.jsonl"


@pytest.mark.parametrize(
    "harm", [f"truncate -s 60 {STATE}", f"echo garbage > {STATE}", f": > {STATE}", f"rm {STATE}"],
    ids=["truncated", "garbled", "empty", "deleted"],
)  # fmt: skip
def test_state_is_found_again(load: SteadyLoad, harm: str) -> None:
    before, entries = host.live(), len(host.look()["history"])
    host.shell(harm)
    seen = host.recovered(entries)
    assert any("state.json rebuilt" in done for done in seen["commands"][0]["done"]), seen
    assert host.live() == before
    host.good(host.releasectl("rollback", "--to", host.other(before)))
    host.well(entries + 1)


def test_state_lost_in_the_middle_of_a_rollout(load: SteadyLoad) -> None:
    for place in ("gate/AwaitPath", "drain/Drain"):
        before = host.live()
        killed = host.deploy_at(place, f"rm {STATE}; kill -9 $PPID", host.request(host.other(before)))
        assert killed.code == 137
        host.recovered()
        assert host.live() == (before if place.startswith("gate") else host.other(before))


def test_records_that_disagree_need_a_person(load: SteadyLoad) -> None:
    host.good(host.deploy(host.request(host.other(host.live()))))
    state = lab.state()
    slot, wrong = state["live"]["slot"], state["standby"]["slot"]
    host.shell(f"rm {STATE}; echo 'live {wrong}' > {host.HOME}/live.map")
    asked = host.releasectl("recover")
    assert asked.code == 6, asked
    assert "the other records disagree" in asked.cause
    assert "recover --live blue|green" in asked.doc["hint"]
    host.good(host.releasectl("recover", "--live", slot))
    host.recovered()
    assert lab.state()["live"]["slot"] == slot


def test_a_torn_line_of_history_costs_that_line(load: SteadyLoad) -> None:
    entries = len(host.look()["history"])
    assert host.releasectl("history").doc["unreadable"] == 0
    host.shell(f"printf '%s' '{{\"txn\": \"to' >> {HISTORY}")
    wanted = host.other(host.live())
    host.good(host.deploy(host.request(wanted)))
    assert host.releasectl("history").doc["unreadable"] == 1
    host.well(entries + 1)
    host.shell(f"""sed -i '/^{{"txn": "to$/d' {HISTORY}""")
    assert host.releasectl("history").doc["unreadable"] == 0
    assert host.live() == wanted


def test_a_journal_that_cannot_be_read_is_set_aside(load: SteadyLoad) -> None:
    before, entries = host.live(), len(host.look()["history"])
    killed = host.deploy_at("gate/AwaitPath", "kill", host.request(host.other(before)))
    assert killed.code == 137
    host.shell(f"echo garbage > {host.HOME}/journal")
    asides = host.look("recover")["home"]
    aside = frozenset(name for name in asides if name.startswith("journal.unreadable-"))
    assert len(aside) == 1
    host.recovered(entries, aside)
    host.shell(f"rm {host.HOME}/journal.unreadable-*")
    assert host.live() == before


def test_a_map_file_that_is_gone_is_written_again(load: SteadyLoad) -> None:
    for harm in (f"rm {host.HOME}/live.map", f"echo 'live none' > {host.HOME}/live.map"):
        host.shell(harm)
        host.recovered()
