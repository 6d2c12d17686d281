"""Rules that somebody flushed: what is missing is seen, brought back once, and told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from releasectl.commands.engine import Engine, Result
from releasectl.commands.report import status
from releasectl.rollout.network import AGAIN_S, Network, docker_lacks, firewall_lacks
from releasectl.rollout.reconcile import repair
from releasectl.slot.published import removal, rules, table

from .scenarios import check_consistent, check_idle, deploy, engine, publish, request, rollback, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

SAVED = """\
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -d 10.201.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.201.0.0/24 ! -o docker0 -j MASQUERADE
-A DOCKER -d 127.0.0.1/32 -p tcp -m tcp --dport 18080 -j DNAT --to-destination 10.201.0.2:8080
COMMIT
"""
FIREWALL = """\
table inet slipway {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport @open_tcp_ports accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
"""


def without(part: str, text: str = SAVED) -> str:
    return "\n".join(line for line in text.splitlines() if part not in line)


def test_nothing_is_missing() -> None:
    assert docker_lacks(SAVED, [18080]) == ()
    assert not firewall_lacks(FIREWALL)


@pytest.mark.parametrize(
    ("saved", "count"),
    [
        ("", 5),  # nft flush ruleset
        (without("-A", SAVED.partition("*nat")[0]) + "\n*nat" + SAVED.partition("*nat")[2], 1),  # iptables -F
        (SAVED.partition("*nat")[0], 4),  # iptables -t nat -F
        (without("-A FORWARD"), 1),
        (without("-A FORWARD", SAVED) + "\n*filter\n-A FORWARD -j DOCKER-FORWARD", 0),  # Docker 28
        (without("--dport 18080"), 1),
    ],
)
def test_what_is_missing_is_named(saved: str, count: int) -> None:
    assert len(docker_lacks(saved, [18080])) == count


def test_a_port_of_which_no_container_runs_is_not_missed() -> None:
    assert docker_lacks(without("--dport 18080"), []) == ()


@pytest.mark.parametrize("part", ["hook input", "hook forward", "open_tcp_ports accept"])
def test_a_firewall_that_is_no_longer_whole(part: str) -> None:
    assert firewall_lacks(without(part, FIREWALL))
    assert firewall_lacks("")


def test_our_table_is_replaced_in_one_transaction() -> None:
    name = table("inference", "blue")
    script = rules(name, 18080, "10.201.0.2", 8080)
    assert script.startswith(removal(name))
    assert "ip daddr 127.0.0.1 tcp dport 18080 dnat to 10.201.0.2:8080;" in script


@pytest.mark.parametrize(
    ("network", "effects"),
    [
        (Network(), []),
        (Network(("nat",)), ["RestartDocker"]),
        (Network(("nat",), True), ["LoadFirewall", "RestartDocker"]),
        (Network(("nat",), in_vain_s=AGAIN_S - 1), []),
        (Network(("nat",), in_vain_s=AGAIN_S + 1), ["RestartDocker"]),
    ],
)
def test_what_brings_them_back(network: Network, effects: list[str]) -> None:
    assert [effect.name for effect in repair(network)] == effects


def flushed(host: SimulatedHost) -> SimulatedHost:
    host.flushed = frozenset({"docker", "firewall"})
    return host


@pytest.mark.parametrize(
    "prepare",
    [lambda: with_live("v1.0.0"), lambda: with_live("v1.0.0", "v2.0.0"), SimulatedHost],
    ids=["at rest", "with a standby", "before the first release"],
)
def test_recovery_brings_them_back(prepare: Callable[[], SimulatedHost]) -> None:
    host = flushed(prepare())
    simulation = Simulation(host)
    result = engine_of(simulation).recover()
    assert (result.code, result.outcome) == (0, "recovered")
    assert host.flushed == frozenset()
    told = [event for event in simulation.events if event.get("effect") == "RestartDocker"]
    assert [event["event"] for event in told] == ["start", "done"]
    assert "something flushed the packet filter" in told[0]["cause"]
    assert any("restarted Docker" in line for line in result.extra["done"])
    check_consistent(host)
    check_idle(host)


@pytest.mark.parametrize(
    "act",
    [
        lambda it: it.deploy(request("v2.0.0")),
        lambda it: it.deploy(request("v2.0.0", canary={"steps": [50], "step_s": 1, "min_requests": 0})),
        lambda it: it.rollback(None, "bob", "it was wrong"),
    ],
    ids=["deploy", "canary", "rollback"],
)
def test_a_change_brings_them_back_first(act: Callable[[Engine], Result]) -> None:
    host = flushed(publish(with_live("v0.9.0", "v1.0.0"), "v2.0.0"))
    assert act(engine(host)).outcome == "live"
    assert host.flushed == frozenset()
    check_consistent(host)


def test_a_restart_that_does_not_help_is_not_repeated_at_once() -> None:
    host = flushed(with_live("v1.0.0"))
    host.restart_helps = False
    engine(host).recover()
    for _ in range(3):
        host.spend(60)
        simulation = Simulation(host)
        result = engine_of(simulation).recover()
        assert "restart_docker" not in simulation.calls
        assert result.code == 8
        assert "did not bring them back" in str(result.cause)
    (line,) = [it for it in status(Simulation(host).host, None)["troubles"] if "Docker's rules" in it]
    assert "did not bring them back. Fix: sudo systemctl restart docker" in line
    # The way back does not depend on it.
    assert deploy(host, "v2.0.0").outcome == "live"
    assert rollback(host).outcome == "live"
    host.spend(AGAIN_S)
    host.restart_helps = True
    assert engine(host).recover().outcome == "recovered"
    check_consistent(host)


def test_docker_that_writes_its_rules_just_now_is_not_restarted() -> None:
    host = with_live("v1.0.0")
    simulation = Simulation(host)
    networks = [Network(("nat OUTPUT to DOCKER",)), Network()]
    simulation.packet_filter.read = lambda ports: networks.pop(0)  # type: ignore[method-assign]
    assert engine_of(simulation).recover().outcome == "unchanged"
    assert networks == []
    assert "restart_docker" not in simulation.calls


def test_status_names_the_cause_and_the_command() -> None:
    host = flushed(with_live("v1.0.0"))
    docker, firewall = status(Simulation(host).host, None)["troubles"]
    assert "something flushed the packet filter; recovery restarts Docker within a minute" in docker
    assert "Fix: sudo systemctl restart docker" in docker
    assert "Fix: sudo systemctl reload-or-restart slipway-firewall" in firewall
