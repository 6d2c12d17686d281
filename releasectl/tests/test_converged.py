"""What a converge leaves on a host: a record of the files of its roles, and a line in the history."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from releasectl.commands.converge import describe, record
from releasectl.documents.converge import read_converge
from releasectl.host import converged, logins
from releasectl.host.converged import changed_files
from releasectl.host.paths import Paths
from releasectl.model.errors import Code, Failure
from releasectl.rollout.surrounding_findings import drift_findings
from releasectl.rollout.surroundings import Changed, ChangedFile

from .scenarios import with_live
from .simulated_host import SimulatedHost
from .simulation import Simulation

CONFIG, MOTD = "/etc/haproxy/haproxy.cfg", "/etc/motd"


class Host:
    """Two files of roles, as a converge has written them."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(str(root))
        for path in (CONFIG, MOTD, self.paths.converged.removeprefix(str(root))):
            self.at(path).parent.mkdir(parents=True, exist_ok=True)
        for path in (CONFIG, MOTD):
            self.write(path, f"as converged: {path}")

    def at(self, path: str) -> Path:
        return Path(self.paths.at(path))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.at(path).write_text(text)
        self.at(path).chmod(mode)

    def wanted(self, *paths: str) -> dict[str, str]:
        return {it: f"{hashlib.sha256(self.at(it).read_bytes()).hexdigest()} 0644 root root" for it in paths}

    def converge(self, wanted: dict[str, str] | None = None, left: tuple[str, ...] = ()) -> list[str]:
        return converged.record(self.paths, wanted or self.wanted(CONFIG, MOTD), left, "ops@jump", time.time())

    def changed(self) -> list[tuple[str, str]]:
        found = changed_files(self.paths)
        assert found is not None
        return [(it.path, it.how) for it in found.files]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.converge()
    return host


def test_a_converged_host_has_not_changed(host: Host) -> None:
    assert host.changed() == []
    assert host.at("/var/lib/slipway/converged.json").stat().st_mode & 0o777 == 0o600


def test_what_was_changed_is_named_with_how_and_when(host: Host) -> None:
    host.write(CONFIG, "by hand")
    host.at(MOTD).chmod(0o666)
    os.utime(host.at(CONFIG), (time.time() - 300, time.time() - 300))
    assert host.changed() == [(CONFIG, "content"), (MOTD, "mode 0644 → 0666")]
    (told,) = drift_findings(changed_files(host.paths), time.time() + 60, "web-1")
    assert str(told) == (
        "changed since the converge 60s ago by ops@jump: /etc/haproxy/haproxy.cfg (content, 6m ago), "
        "/etc/motd (mode 0644 → 0666, 60s ago). Fix: ansible-playbook site.yml --limit web-1 --skip-tags rollout"
    )
    host.at(CONFIG).unlink()
    assert (CONFIG, "removed") in host.changed()


def test_it_is_told_who_was_logged_in_then(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "logged_in", lambda times: dict.fromkeys(times, ("ana from 192.0.2.1", "bob")))
    host.write(CONFIG, "by hand")
    host.at(MOTD).unlink()
    (told,) = drift_findings(changed_files(host.paths), time.time(), "web-1")
    assert (
        "haproxy.cfg (content, 0s ago; logged in at that time: ana from 192.0.2.1, bob), /etc/motd (removed)."
        in str(told)
    )


def test_of_many_files_three_are_named(host: Host) -> None:
    changed = Changed(0, "ops", tuple(ChangedFile(f"/f{it}", "removed") for it in range(5)))
    (told,) = drift_findings(changed, 60, "web-1")
    assert "/f0 (removed), /f1 (removed), /f2 (removed) and 2 more" in told.cause


def test_a_file_that_was_only_touched_has_not_changed(host: Host) -> None:
    os.utime(host.at(CONFIG), (1, 1))
    assert host.changed() == []


def test_a_file_that_looks_as_recorded_is_not_read(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converged, "_digest", lambda path: pytest.fail(f"{path} was read"))
    assert host.changed() == []


def test_a_file_that_is_still_to_be_removed_stays_on_record(host: Host) -> None:
    """`--tags edge`: the role that removes the file has not run; the next drift check has to find it."""
    assert host.converge(host.wanted(CONFIG), left=(MOTD, "slipway-metrics@inference.timer")) == []
    assert list(json.loads(host.at("/var/lib/slipway/converged.json").read_text())["files"]) == [MOTD, CONFIG]
    host.converge(host.wanted(CONFIG))
    assert list(json.loads(host.at("/var/lib/slipway/converged.json").read_text())["files"]) == [CONFIG]


def test_a_converge_that_leaves_a_role_out_hides_no_change(host: Host) -> None:
    """`--tags motd`: the desired configuration is another one, but this run has not written it."""
    wanted = host.wanted(CONFIG, MOTD)
    host.write(CONFIG, "by hand")
    host.write(MOTD, "a new one")
    new = {**wanted, **host.wanted(MOTD)}
    assert host.converge(new) == [MOTD]
    assert host.changed() == [(CONFIG, "content")]


def test_a_pending_change_of_the_inventory_is_not_a_change_of_the_host(host: Host) -> None:
    pending = {**host.wanted(CONFIG, MOTD), CONFIG: f"{'0' * 64} 0644 root root"}
    host.converge(pending)
    assert host.changed() == []


def test_a_file_that_no_role_has_any_more_is_forgotten(host: Host) -> None:
    host.converge(host.wanted(CONFIG))
    host.at(MOTD).unlink()
    assert host.changed() == []


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"schema": 1}', '{"schema": 9}', '{"schema": 1, "files": {"/a": 1}}']
)
def test_without_a_readable_record_nothing_is_known(tmp_path: Path, text: str | None) -> None:
    host = Host(tmp_path)
    if text is not None:
        Path(host.paths.converged).write_text(text)
    assert changed_files(host.paths) is None
    host.converge()
    assert host.changed() == []


def test_the_history_tells_of_it() -> None:
    host = with_live("v1.0.0")
    text = describe({"edge": (CONFIG,), "release": ("a", "b", "c", "d")}, [])
    assert text == f"edge: {CONFIG}; release: 4 items"
    assert record(Simulation(host).host, "ops@jump", "why", text, "t1") == []
    entry = Simulation(host).host.records.history().entries[-1]
    assert (entry.kind, entry.outcome, entry.by, entry.reason, entry.cause) == (
        "converge", "done", "ops@jump", "why", text,
    )  # fmt: skip


def test_a_service_without_a_release_has_no_line() -> None:
    simulation = Simulation(SimulatedHost())
    assert record(simulation.host, "ops@jump", "", "edge: haproxy", "t1") == []
    assert simulation.host.records.history().entries == ()


def test_the_request_of_the_playbook() -> None:
    """What the run has left as it was is not what it has changed."""
    digest = f"{'0' * 64} 0600 root root"
    drift = {"edge": {"files": [CONFIG, "/a"], "units": ["haproxy.service"]}, "baseline": {"packages": ["sudo"]}}
    left = {"baseline": {"packages": ["sudo"]}, "edge": {"files": ["/a"]}}
    it = read_converge({"by": "ops", "reason": "", "drift": drift, "left": left, "files": {CONFIG: digest}})
    assert it.roles == {"edge": (CONFIG, "haproxy.service")}
    assert it.files == {CONFIG: digest}
    assert read_converge({"by": "ops", "drift": None, "left": {}, "files": {}}).roles is None
    for wrong in ({}, {"by": "ops"}, {"by": "ops", "drift": {}, "left": {}, "files": {CONFIG: "0"}}):
        with pytest.raises(Failure) as raised:
            read_converge(wrong)
        assert raised.value.code == Code.USAGE


def test_a_run_of_all_roles_that_changed_nothing_is_no_line() -> None:
    assert describe(None, []) == ""
    assert describe({}, [CONFIG]) == "", "a run that repaired nothing of what had drifted"
    assert describe(None, [CONFIG]) == f"all roles: {CONFIG}"
