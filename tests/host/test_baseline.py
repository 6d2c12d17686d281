"""The host under it: who may come in, what listens, what is armed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

Doc = dict[str, Any]
LOOPBACK = ("127.", "[::1]", "::1", "[::ffff:127.")


@pytest.mark.parametrize("unit", ["docker", "haproxy", "ssh"])
def test_services_run_and_come_back_after_a_reboot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_nothing_listens_to_the_world_but_what_is_meant_to(host: Host, wanted: Doc) -> None:
    open_ports = set()
    for line in host.check_output("ss -H -l -n -t").splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if not address.startswith(LOOPBACK) and "%lo" not in address:
            open_ports.add(int(port))
    # Services of the resolver kind listen on names (LLMNR) only where systemd-resolved is; none is expected.
    assert open_ports <= set(wanted["open_ports"])


def test_the_firewall_drops_what_is_not_named(host: Host, wanted: Doc) -> None:
    table = json.loads(host.check_output("nft -j list table inet slipway"))["nftables"]
    chains = [item["chain"] for item in table if "chain" in item and item["chain"].get("hook") == "input"]
    assert [chain["policy"] for chain in chains] == ["drop"]
    rules = json.dumps([item["rule"] for item in table if "rule" in item])
    sets = json.dumps([item["set"] for item in table if "set" in item])
    for port in wanted["open_ports"]:
        assert str(port) in rules + sets


def test_the_firewall_comes_back_after_a_reboot(host: Host) -> None:
    units = host.check_output("systemctl list-unit-files --state=enabled --no-legend '*nftables*' '*firewall*'")
    assert units.strip()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("passwordauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("permitrootlogin", "no"),
        ("permitemptypasswords", "no"),
        ("x11forwarding", "no"),
    ],
)
def test_sshd_is_strict(host: Host, wanted: Doc, setting: str, value: str) -> None:
    """Unless the inventory says otherwise."""
    if setting in {keyword.lower() for keyword in wanted["sshd_options"]}:
        pytest.skip(f"baseline_sshd_options has {setting}")
    settings = dict(line.split(" ", 1) for line in host.check_output("sshd -T").splitlines() if " " in line)
    assert settings[setting] == value


def test_docker_keeps_containers_alive_and_its_logs_small(host: Host) -> None:
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert info["LiveRestoreEnabled"] is True
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["userland-proxy"] is False
    assert {"max-size", "max-file"} <= set(daemon["log-opts"])
    assert "hosts" not in daemon


def test_docker_is_for_root_alone(host: Host) -> None:
    socket = host.file("/run/docker.sock")
    assert socket.mode & 0o007 == 0
    assert host.group("docker").members == [] if host.group("docker").exists else True


def test_the_runtime_socket_of_the_edge_is_for_root_alone(host: Host) -> None:
    assert host.file("/run/haproxy/admin.sock").mode & 0o077 == 0


def test_upgrades_are_unattended(host: Host) -> None:
    assert host.service("unattended-upgrades").is_enabled
    assert "1" in host.check_output("apt-config dump APT::Periodic::Unattended-Upgrade")


def test_time_is_kept(host: Host) -> None:
    assert host.service("systemd-timesyncd").is_enabled


def test_nothing_is_world_writable_in_our_folders(host: Host) -> None:
    folders = "/etc/slipway /var/lib/slipway /var/log/slipway /etc/haproxy"
    assert host.run(f"find {folders} -perm /o+w ! -type l").stdout == ""
