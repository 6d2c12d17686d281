"""
Pure: what is missing of the packet filter's rules, and what brings them back. Docker writes its own when it starts and
when a container starts, and never looks again: whoever flushes them (`nft flush ruleset`, `iptables -F`, a restart of
nftables, a firewall tool) cuts containers off until Docker is restarted. With live-restore that costs no request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..model.errors import Code, Failure
from ..startup.fast_dataclass import dataclass, field
from .finding import DOCKER, RESTART_DOCKER, Finding

# A restart that did not bring them back is not repeated for so long: whatever is wrong, it is something else.
AGAIN_S = 600.0

# Of every Docker from 20.10 to 28, in `iptables-save`: table → (rule, what it is).
DOCKER_RULES = (
    ("nat", r"-A PREROUTING .*-j DOCKER$", "nat PREROUTING to DOCKER"),
    ("nat", r"-A OUTPUT .*-j DOCKER$", "nat OUTPUT to DOCKER"),
    ("nat", r"-A POSTROUTING -s \S+ ! -o \S+ -j MASQUERADE$", "nat POSTROUTING MASQUERADE"),
    # Not the one to DOCKER-USER: while containers run, a restart of Docker 20.10 does not write it again.
    ("filter", r"-A FORWARD .*-j DOCKER(-FORWARD)?$", "filter FORWARD to DOCKER"),
)
FIREWALL = "the firewall's rules (table inet slipway) are missing"


@dataclass(frozen=True)
class Network:
    """What is missing; nothing where that is not known."""

    docker: tuple[str, ...] = field(default_factory=tuple)
    firewall: bool = False
    in_vain_s: float | None = None
    """Seconds since a restart of Docker did not bring its rules back."""

    @property
    def whole(self) -> bool:
        return not self.docker and not self.firewall


def docker_lacks(saved: str, ports: Iterable[int]) -> tuple[str, ...]:
    """`saved`: the output of iptables-save; `ports`: on loopback, of containers that run."""
    tables: dict[str, list[str]] = {"nat": [], "filter": []}
    rules: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            rules = tables.setdefault(line[1:].strip(), [])
        elif line.startswith("-A "):
            rules.append(line.strip())
    published = tuple(("nat", rf"-A DOCKER .*--dport {port} -j DNAT ", f"nat DOCKER for port {port}") for port in ports)
    wanted = (*DOCKER_RULES, *published)
    return tuple(what for table, rule, what in wanted if not any(re.match(rule, it) for it in tables[table]))


def firewall_lacks(listed: str) -> bool:
    """`listed`: the output of `nft list table inet slipway`. Emptied chains that drop everything count as well."""
    return not all(text in listed for text in ("hook input", "hook forward", "dport @open_tcp_ports accept"))


def describe(network: Network) -> str:
    return f"Docker's rules are missing ({', '.join(network.docker)}): something flushed the packet filter"


def lasting_failure(network: Network) -> Failure | None:
    if not network.docker or not restarted_in_vain(network):
        return None
    return Failure(
        Code.PREFLIGHT,
        f"{describe(network)}, and restarting Docker did not bring them back",
        "See `journalctl -u docker` and what else changes the rules of this host (ufw, firewalld, nftables.service); "
        "then: systemctl restart docker",
    )


def network_findings(network: Network) -> tuple[Finding, ...]:
    found = []
    if network.docker:
        failure = lasting_failure(network)
        cause = failure.cause if failure else f"{describe(network)}; recovery restarts Docker within a minute"
        found.append(Finding(DOCKER, cause, RESTART_DOCKER))
    if network.firewall:
        cause = f"{FIREWALL}; recovery loads them within a minute"
        found.append(Finding(DOCKER, cause, "sudo systemctl reload-or-restart slipway-firewall"))
    return tuple(found)


def restarted_in_vain(network: Network) -> bool:
    """A restart of Docker did not help a short while ago."""
    return network.in_vain_s is not None and network.in_vain_s < AGAIN_S
