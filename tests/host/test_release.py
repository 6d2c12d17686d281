"""The live release: what the record says, what runs, and what the edge routes to are one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

Doc = dict[str, Any]


def test_the_wanted_version_is_live(wanted: Doc, state: Doc) -> None:
    assert state["live"]["release"]["version"] == wanted["version"]


def test_the_live_slot_is_supervised_and_the_edge_routes_to_it(host: Host, wanted: Doc, state: Doc) -> None:
    slot = state["live"]["slot"]
    assert host.service(f"{wanted['service']}@{slot}").is_running
    assert host.file(f"/var/lib/slipway/{wanted['service']}/live.map").content_string.split()[:2] == ["live", slot]
    status = json.loads(host.check_output("releasectl --service %s status --json", wanted["service"]))
    assert status["routed"] == slot
    assert status["healthy"] is True
    assert status["troubles"] == []


def test_the_container_runs_the_recorded_digest(container: Doc, state: Doc) -> None:
    assert container["Config"]["Image"] == state["live"]["release"]["image"]
    assert "@sha256:" in container["Config"]["Image"]


def test_the_container_is_locked_down(container: Doc, wanted: Doc) -> None:
    config, limits = container["Config"], container["HostConfig"]
    assert config["User"] == wanted["options"]["user"]
    assert not config["User"].startswith("0")
    assert limits["ReadonlyRootfs"] is True
    assert limits["CapDrop"] == ["ALL"]
    assert not limits["CapAdd"]
    assert limits["Privileged"] is False
    assert "no-new-privileges" in limits["SecurityOpt"]
    assert limits["RestartPolicy"]["Name"] in ("no", "")
    assert limits["Binds"] in (None, [])


def test_the_container_has_its_limits(container: Doc, wanted: Doc) -> None:
    limits, options = container["HostConfig"], wanted["options"]
    units = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
    memory = options["memory"].lower()
    assert limits["Memory"] == int(memory[:-1]) * units[memory[-1]]
    assert limits["MemorySwap"] == limits["Memory"]
    assert limits["NanoCpus"] == int(float(options["cpus"]) * 1e9)
    assert limits["PidsLimit"] == options["pids"]


def test_the_container_listens_on_the_loopback_alone(container: Doc, wanted: Doc, state: Doc) -> None:
    bindings = [binding for port in container["HostConfig"]["PortBindings"].values() for binding in port]
    assert bindings == [{"HostIp": "127.0.0.1", "HostPort": str(wanted["slots"][state["live"]["slot"]])}]


@pytest.mark.parametrize("unit", ["recover", "watchdog", "metrics"])
def test_the_timers_run(unit: str, host: Host, wanted: Doc) -> None:
    timer = host.service(f"slipway-{unit}@{wanted['service']}.timer")
    assert timer.is_enabled
    assert timer.is_running


def test_secrets_are_for_root_alone(host: Host, wanted: Doc) -> None:
    home = f"/var/lib/slipway/{wanted['service']}"
    assert host.check_output("find %s /etc/slipway -name '*.env' ! -perm 600", home) == ""
    assert host.check_output("find %s /etc/slipway -name '*.env' ! -user root", home) == ""
    open_to_all = "find /etc/slipway /var/lib/slipway /run/slipway /etc/letsencrypt /etc/haproxy -perm /o+r -type f"
    found = host.run("%s -exec grep -lE 'PRIVATE KEY|_SECRET=|_TOKEN=|_KEY=' {} +" % open_to_all)  # noqa: UP031
    assert found.stdout == ""


def test_no_secret_is_in_an_argument(host: Host) -> None:
    assert host.run("ps -eo args | grep -E '(PASSWORD|SECRET|TOKEN)=[^ ]' | grep -v grep").stdout == ""
