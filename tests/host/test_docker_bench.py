"""
The rules of the CIS Docker Benchmark (numbers of version 1.6), as Docker Bench for Security checks them, that a host of
ours keeps. The ones it does not keep, and why: docs/hardening.md.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

Doc = dict[str, Any]
OF_THE_HOST = ("/boot", "/dev", "/lib", "/proc", "/sys", "/usr", "/run", "/var/run")


@pytest.fixture(scope="module")
def info(host: Host) -> Doc:
    return dict(json.loads(host.check_output("docker info --format '{{json .}}'")))


@pytest.fixture(scope="module")
def daemon(host: Host) -> Doc:
    return dict(json.loads(host.file("/etc/docker/daemon.json").content_string))


def test_the_daemon_listens_on_its_socket_alone(host: Host, daemon: Doc) -> None:
    """2.7; a client of its API is root on the host."""
    assert "hosts" not in daemon
    processes = host.check_output("ps -C dockerd -o args=")
    assert "tcp://" not in processes
    assert "dockerd" in processes


def test_the_daemon_is_restrained(info: Doc, daemon: Doc) -> None:
    assert daemon.get("log-level", "info") == "info", "2.3"
    assert daemon.get("iptables", True) is True, "2.4"
    insecure = [name for name, it in info["RegistryConfig"]["IndexConfigs"].items() if not it["Secure"]]
    assert insecure == [], "2.5"
    assert info["Driver"] != "aufs", "2.6"
    assert daemon["default-ulimits"]["core"]["Hard"] == 0, "2.8"
    assert info["CgroupDriver"] in ("systemd", "cgroupfs"), "2.10"
    assert "storage-opts" not in daemon, "2.11"
    assert daemon["no-new-privileges"] is True, "2.14"
    assert info["LiveRestoreEnabled"] is True, "2.15"
    assert daemon["userland-proxy"] is False, "2.16"
    assert any("name=seccomp" in it and "unconfined" not in it for it in info["SecurityOptions"]), "2.17"
    assert info["ExperimentalBuild"] is False, "2.18"
    assert info["Swarm"]["LocalNodeState"] == "inactive", "7.1"


@pytest.mark.parametrize(
    ("path", "group", "widest"),
    [
        ("/usr/lib/systemd/system/docker.service", "root", 0o644),
        ("/usr/lib/systemd/system/docker.socket", "root", 0o644),
        ("/etc/systemd/system/docker.service.d/slipway.conf", "root", 0o644),
        ("/etc/docker", "root", 0o755),
        ("/etc/docker/daemon.json", "root", 0o644),
        ("/run/docker.sock", "docker", 0o660),
        ("/run/containerd/containerd.sock", "root", 0o660),
        ("/etc/default/docker", "root", 0o644),
        ("/var/lib/docker", "root", 0o711),
    ],
)
def test_files_of_the_daemon_are_root_s(host: Host, path: str, group: str, widest: int) -> None:
    """Section 3, and 1.1 (that nobody reads what it stores)."""
    file = host.file(path)
    assert (file.user, file.group) == ("root", group)
    assert file.mode & ~widest == 0, oct(file.mode)


def test_the_container_shares_nothing_with_the_host(container: Doc) -> None:
    limits = container["HostConfig"]
    assert limits["NetworkMode"] not in ("host", ""), "5.10"
    assert limits["PidMode"] == "", "5.16"
    assert limits["IpcMode"] in ("private", ""), "5.17"
    assert limits["Devices"] in (None, []), "5.18"
    assert limits["UTSMode"] == "", "5.21"
    assert limits["UsernsMode"] == "", "5.31"
    assert limits["CgroupParent"] == "", "5.25"
    assert not any("unconfined" in it for it in limits["SecurityOpt"]), "5.22"
    for mount in container["Mounts"]:
        assert mount["Propagation"] not in ("shared", "rshared"), "5.20"
        assert not mount["Source"].startswith(OF_THE_HOST), "5.6"


def test_the_container_has_an_apparmor_profile_where_the_kernel_has_apparmor(container: Doc, info: Doc) -> None:
    """5.2"""
    assert ("name=apparmor" in info["SecurityOptions"]) == (container["AppArmorProfile"] == "docker-default")
