"""Upgrades of packages: what still runs replaced files, whether a reboot is due, and the line of history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from releasectl.commands.around import Around
from releasectl.commands.report import exit_code, status
from releasectl.commands.upgrade import record_upgrade
from releasectl.host.paths import Paths
from releasectl.host.replaced import reboot_cause, replaced_files
from releasectl.model.errors import Code
from releasectl.rollout.model_store import ModelStore
from releasectl.rollout.surroundings import Surroundings, Unit
from releasectl.rollout.upgrades import upgrade_findings

from .scenarios import check_idle, with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation, engine_of

HAPROXY = {"haproxy.service": Unit("loaded", "active", "enabled", pid=7)}
FIX = "Fix: ansible-playbook playbooks/upgrade.yml --limit web-1"
LINE = "7f0000000000-7f0000001000 {perms} 00000000 00:2e {inode} {space}{path}\n"


def mapped(path: str, perms: str = "r-xp", inode: int = 4711) -> str:
    return LINE.format(perms=perms, inode=inode, space=" " * 20, path=path)


def replaced(root: Path, *lines: str) -> tuple[str, ...]:
    (root / "proc/7").mkdir(parents=True, exist_ok=True)
    (root / "proc/7/maps").write_text("".join(lines))
    return replaced_files(Paths(str(root)), HAPROXY).get("haproxy.service", ())


def test_a_replaced_program_and_library_are_named_once(tmp_path: Path) -> None:
    library = "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"
    assert replaced(tmp_path, mapped("/usr/sbin/haproxy (deleted)"), mapped(library), mapped(library)) == (
        "haproxy", "libssl.so.3",
    )  # fmt: skip
    assert replaced(tmp_path, mapped("/usr/bin/python3.11.dpkg-tmp (deleted)")) == ("python3.11",)


@pytest.mark.parametrize(
    "line",
    [
        mapped("/usr/lib/x86_64-linux-gnu/libssl.so.3"),
        mapped("/memfd:doublemapper (deleted)"), mapped("/dev/zero (deleted)"), mapped("/SYSV00000000 (deleted)"),
        mapped("/usr/lib/locale/locale-archive (deleted)", "r--p"),
        mapped("/tmp/libffi.so (deleted)"), mapped("/var/lib/docker/overlay2/a/diff/usr/lib/libc.so.6 (deleted)"),
        mapped("/run/usr/lib/libc.so.6 (deleted)"), mapped("/usr/lib/libc.so.6 (deleted)", inode=0), mapped("[vdso]"),
    ],
)  # fmt: skip
def test_what_no_upgrade_has_replaced_is_no_reason(tmp_path: Path, line: str) -> None:
    assert replaced(tmp_path, line) == ()


def test_a_unit_without_a_process_is_not_looked_up(tmp_path: Path) -> None:
    assert replaced_files(Paths(str(tmp_path)), {"a.service": Unit("loaded", "inactive")}) == {}
    assert replaced_files(Paths(str(tmp_path)), HAPROXY) == {}


@pytest.mark.parametrize(
    ("kernels", "cause"),
    [
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], "kernel 6.1.0-9-amd64 runs, 6.1.0-10-amd64 is installed"),
        (["6.1.0-8-amd64", "6.1.0-9-amd64"], ""),
        # A container: these are not the kernels of its machine.
        (["6.1.0-10-amd64"], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_a_newer_kernel_needs_a_reboot(tmp_path: Path, kernels: list[str], cause: str) -> None:
    (tmp_path / "boot").mkdir()
    for kernel in kernels:
        (tmp_path / "boot" / f"vmlinuz-{kernel}").touch()
    assert reboot_cause(Paths(str(tmp_path)), "6.1.0-9-amd64") == cause


def test_a_package_asks_for_a_reboot(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/reboot-required").touch()
    assert reboot_cause(Paths(str(tmp_path)), "6.1.0") == "required by a package"
    (tmp_path / "run/reboot-required.pkgs").write_text("libc6\nlibc6\nlinux-image-6.1\n")
    assert reboot_cause(Paths(str(tmp_path)), "6.1.0") == "required by libc6, linux-image-6.1"


def test_each_finding_has_its_command() -> None:
    seen = Surroundings(
        replaced={"haproxy.service": ("haproxy", "a", "b", "c", "d")}, reboot="kernel 1 runs, 2 is installed"
    )
    assert [str(it) for it in upgrade_findings(seen, "web-1")] == [
        f"restart needed: haproxy.service (haproxy, a, b and 2 more replaced since it started). {FIX}",
        f"reboot needed: kernel 1 runs, 2 is installed. {FIX} -e reboot=true",
    ]  # fmt: skip


class Upgraded(Around):
    def read(self, image: str | None, store: ModelStore | None) -> Surroundings:
        return Surroundings(replaced={"docker.service": ("dockerd",)}, reboot="required by libc6")


def test_the_status_tells_it_as_a_notice_and_not_as_a_trouble() -> None:
    doc = status(Simulation(with_live("v1.0.0")).host, None, Upgraded())
    assert doc["troubles"] == [] and exit_code(doc) == 0
    assert (doc["restart_needed"], doc["reboot_needed"]) == (["docker.service"], "required by libc6")
    assert "\n  notice    restart needed: docker.service (dockerd replaced since it started). Fix: " in doc["text"]
    quiet = status(Simulation(with_live("v1.0.0")).host, None)
    assert (quiet["restart_needed"], quiet["reboot_needed"], quiet["notices"]) == ([], None, [])


def recorded(host: SimulatedHost, **more: Any) -> Any:
    simulation = Simulation(host)
    return record_upgrade(simulation.host, engine_of(simulation).lock, "txn-up", {"by": "alice", **more})


def test_an_upgrade_is_a_line_of_history() -> None:
    host = with_live("v1.0.0")
    result = recorded(
        host,
        reason="CVE-2026-1",
        packages=[{"name": "haproxy", "from": "2.6.12-1", "to": "2.6.12-2"}, {"name": "linux-image-2", "to": "2"}],
        restarted=["haproxy.service"],
        rebooted=True,
        not_served_s=12.34,
        phases=[{"name": "install", "seconds": 3.0}, {"name": "restart", "seconds": 1.5}],
    )
    assert (result.code, result.outcome) == (0, "recorded")
    entry = host.entries()[-1]
    assert (entry.kind, entry.outcome, entry.by, entry.reason) == ("upgrade", "done", "alice", "CVE-2026-1")
    assert entry.cause == (
        "haproxy 2.6.12-1 → 2.6.12-2, linux-image-2 new → 2; restarted haproxy.service; "
        "rebooted, not served for at most 12.3 s"
    )
    assert entry.ended - entry.started == pytest.approx(4.5)
    check_idle(host)


def test_an_upgrade_changes_nothing_that_is_live() -> None:
    host = with_live("v1.0.0")
    before = host.state
    assert recorded(host).message == "no package"
    assert host.state == before
    assert status(Simulation(host).host, None)["last_failure"] is None


def test_a_long_upgrade_names_the_log_of_apt() -> None:
    host = with_live("v1.0.0")
    recorded(host, packages=[{"name": f"p{number}", "from": "1", "to": "2"} for number in range(13)])
    assert str(host.entries()[-1].cause).endswith("p9 1 → 2, 3 more (/var/log/apt/history.log)")


def test_a_misspelt_key_is_refused() -> None:
    host = with_live("v1.0.0")
    result = recorded(host, package=[])
    assert (result.code, len(host.entries())) == (Code.USAGE, 1)
