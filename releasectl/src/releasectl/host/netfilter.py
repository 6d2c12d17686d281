"""The packet filter of the host, as far as clients and containers need it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from ..model.errors import Code, Failure
from ..rollout.network import Network, docker_lacks, firewall_lacks
from . import files, systemd
from .command import Running, run
from .paths import Paths

TIMEOUT_S = 10.0
RESTART_S = 90.0
# For Docker to write its rules once it has started.
RULES_S = 10.0
UNITS = ("docker.service", "slipway-firewall.service")


class Netfilter:
    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def read(self, ports: Iterable[int]) -> Network:
        """`ports`: on loopback, of containers that run. A program that is missing or fails says nothing about rules."""
        try:
            units = Running(("systemctl", "is-active", *UNITS))
            saved = Running(("iptables-save",))
            listed = Running(("nft", "list", "table", "inet", "slipway"))
            docker, firewall = (state == "active" for state in units.finish(TIMEOUT_S).out.split())
            rules, table = saved.finish(TIMEOUT_S), listed.finish(TIMEOUT_S)
        except (Failure, ValueError):
            return Network()
        lacks = docker_lacks(rules.out, ports) if docker and rules.code == 0 and self._docker_writes_rules() else ()
        return Network(lacks, firewall and firewall_lacks(table.out), self._in_vain_s())

    def load_firewall(self) -> None:
        done = run(("systemctl", "reload", "slipway-firewall.service"), TIMEOUT_S)
        if done.code:
            raise Failure(
                Code.PREFLIGHT, f"Failed to load the firewall: {done.message}", "journalctl -u slipway-firewall"
            )

    def restart_docker(self) -> None:
        """Containers go on (live-restore). Raises Failure when the rules are not there afterwards either."""
        # Until it is known to have helped, it has not.
        files.write_atomic(self.paths.docker_restarted_in_vain, str(time.monotonic()), 0o644)
        systemd.restart_docker(RESTART_S)
        end = time.monotonic() + RULES_S
        while lacks := self.read(()).docker:
            if time.monotonic() > end:
                raise Failure(
                    Code.PREFLIGHT,
                    f"Docker was restarted, and its rules are still missing: {', '.join(lacks)}",
                    "journalctl -u docker",
                )
            time.sleep(0.2)
        files.remove_file(self.paths.docker_restarted_in_vain)

    def _in_vain_s(self) -> float | None:
        try:
            return time.monotonic() - float(files.read_text(self.paths.docker_restarted_in_vain) or "")
        except ValueError:
            return None

    def _docker_writes_rules(self) -> bool:
        """Not where a person switched it off (daemon.json, "iptables"), or chose another backend."""
        try:
            settings = json.loads(files.read_text(self.paths.at("/etc/docker/daemon.json")) or "{}")
        except ValueError:
            return True
        return settings.get("iptables", True) is True and settings.get("firewall-backend", "iptables") == "iptables"
