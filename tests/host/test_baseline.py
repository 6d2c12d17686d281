"""The host under it: who may come in, what listens, what is armed."""

from __future__ import annotations

import json
import re
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
        ("allowagentforwarding", "no"),
        ("tcpkeepalive", "no"),
        ("compression", "no"),
        ("loglevel", "VERBOSE"),
        ("maxsessions", "4"),
    ],
)
def test_sshd_is_strict(host: Host, wanted: Doc, setting: str, value: str) -> None:
    """Unless the inventory says otherwise."""
    if setting in {keyword.lower() for keyword in wanted["sshd_options"]}:
        pytest.skip(f"baseline_sshd_options has {setting}")
    settings = dict(line.split(" ", 1) for line in host.check_output("sshd -T").splitlines() if " " in line)
    assert settings[setting] == value


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ("kexalgorithms", "nistp|sha1|group14|group-exchange"),
        ("macs", "sha1|umac-64|^(?!.*etm)"),
        ("ciphers", "cbc|3des"),
    ],
)
def test_sshd_offers_no_weak_algorithm(host: Host, wanted: Doc, setting: str, refused: str) -> None:
    """Unless the inventory says otherwise."""
    if setting in {keyword.lower() for keyword in wanted["sshd_options"]}:
        pytest.skip(f"baseline_sshd_options has {setting}")
    settings = dict(line.split(" ", 1) for line in host.check_output("sshd -T").splitlines() if " " in line)
    offered = settings[setting].split(",")
    assert offered
    assert [it for it in offered if re.search(refused, it)] == []


def test_the_kernel_has_the_settings_of_the_inventory(host: Host, wanted: Doc) -> None:
    """Those that it knows: preflight has reported the others."""
    keys = [key.removeprefix("-") for key in wanted["sysctl"]]
    lines = host.run("sysctl --ignore " + " ".join(keys)).stdout.splitlines()
    found = {key.strip(): text.strip() for key, _, text in (line.partition("=") for line in lines)}
    assert len(found) > len(keys) / 2
    assert {key: text for key, text in found.items() if text != str(wanted["sysctl"].get(key, text))} == {}


def test_a_login_shell_leaves_no_core_dump_and_ends_when_idle(host: Host, wanted: Doc) -> None:
    found = host.check_output("bash -lic %s", 'echo "${TMOUT:-0} $(ulimit -c)"').split()
    assert found[0] == str(wanted["shell_timeout_s"])
    assert wanted["core_dumps"] or found[1] == "0"


def test_a_session_has_its_own_directory_for_temporary_files(host: Host, wanted: Doc) -> None:
    if "libpam-tmpdir" not in wanted["login_packages"]:
        pytest.skip("baseline_login_packages lacks libpam-tmpdir")
    folder = host.file(host.check_output("echo $TMPDIR"))
    assert (folder.path, folder.mode & 0o777) == ("/tmp/user/0", 0o700)


def test_a_weak_password_is_refused(host: Host, wanted: Doc) -> None:
    """By the first module that sees it."""
    if "libpam-passwdqc" not in wanted["login_packages"]:
        pytest.skip("baseline_login_packages lacks libpam-passwdqc")
    modules = re.findall(r"^password\s+(.*)$", host.file("/etc/pam.d/common-password").content_string, re.MULTILINE)
    assert re.match(r"requisite\s+pam_passwdqc\.so", modules[0])


def test_the_console_has_the_banner(host: Host, wanted: Doc) -> None:
    assert host.file("/etc/issue").content_string == wanted["login_banner"] + "\n"


def test_accounts_with_a_password_have_the_rules_of_the_inventory(host: Host, wanted: Doc) -> None:
    found = dict(re.findall(r"^(\w+)\s+(\S+)$", host.file("/etc/login.defs").content_string, re.MULTILINE))
    assert {key: found.get(key) for key in wanted["login_defs"]} == {k: str(v) for k, v in wanted["login_defs"].items()}


def test_changed_files_are_reported_every_day(host: Host) -> None:
    timer = host.service("slipway-integrity.timer")
    assert timer.is_running and timer.is_enabled
    assert host.check_output("systemctl show --property Result --value slipway-integrity.service") == "success"


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


def test_no_upgrade_restarts_what_serves(host: Host, wanted: Doc) -> None:
    """Neither a package (policy-rc.d), nor needrestart, nor a reboot that nobody has asked for."""
    for unit in ("haproxy.service", "docker.service", "docker.socket", "containerd.service"):
        assert host.run("/usr/sbin/policy-rc.d %s restart", unit).rc == 101
    kept = host.check_output("cat /etc/needrestart/conf.d/slipway-*.conf")
    for pattern in ("haproxy", "(docker|containerd)", f"{wanted['service']}\\@(blue|green)"):
        assert f"qr(^{pattern}\\.service$)}} = 0;" in kept
    automatic = host.check_output("apt-config dump --format '%v' Unattended-Upgrade::Automatic-Reboot")
    assert automatic == str(wanted["reboot_automatic"]).lower()


def test_time_is_kept(host: Host) -> None:
    assert host.service("systemd-timesyncd").is_enabled


def test_nothing_is_world_writable_in_our_folders(host: Host) -> None:
    folders = "/etc/slipway /var/lib/slipway /var/log/slipway /etc/haproxy"
    assert host.run(f"find {folders} -perm /o+w ! -type l").stdout == ""
