"""slipway.ops.drift_info: every difference is named by role, and no error hides drift."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.slipway.ops.plugins.modules import host_probe
from ansible_collections.slipway.ops.plugins.plugin_utils import drift

ROOT = Path(__file__).parent.parent.parent
UNIT = {"name": "haproxy.service", "state": "started"}
FILE, DIRECTORY, UNWANTED = "/etc/haproxy/haproxy.cfg", "/etc/slipway", "/etc/slipway/notify.json"
GOOD = f"{'0' * 64} 0644 root root"
PATHS: drift.Paths = {FILE: GOOD, DIRECTORY: None, UNWANTED: drift.ABSENT}
EMPTY: dict[str, Any] = {name: {} if option["type"] == "dict" else [] for name, option in drift.STATE.items()}


def host(**changes: Any) -> dict[str, Any]:
    """What host_probe reads on a host without drift."""
    whole = {
        "packages": ["haproxy"],
        "units": {"haproxy.service": {"started": True, "enabled": True}},
        "files": {FILE: GOOD, DIRECTORY: "directory 0755 root root"},
        "commands": {},
        "codename": "bookworm",
    }
    return {**whole, **changes}


def drifted(actual: dict[str, Any], paths: drift.Paths = PATHS, **state: Any) -> list[str]:
    wanted = {**EMPTY, "packages": ["haproxy"], "units": [UNIT], **state}
    found = drift.compare(0, wanted, paths, actual)
    assert set(found) == set(drift.KINDS)
    return [name for names in found.values() for name in names]


def test_a_host_in_the_desired_state_has_no_drift() -> None:
    assert drifted(host()) == []


@pytest.mark.parametrize(
    ("actual", "name"),
    [
        (host(packages=[]), "haproxy"),
        (host(units={}), "haproxy.service"),
        (host(units={"haproxy.service": {"started": False, "enabled": True}}), "haproxy.service"),
        (host(units={"haproxy.service": {"started": True, "enabled": False}}), "haproxy.service"),
        (host(files={FILE: GOOD.replace("0644", "0666"), DIRECTORY: "x"}), FILE),
        (host(files={FILE: GOOD.replace("root", "nobody", 1), DIRECTORY: "x"}), FILE),
        (host(files={FILE: "unreadable", DIRECTORY: "x"}), FILE),
        (host(files={DIRECTORY: "x"}), FILE),
        (host(files={FILE: GOOD}), DIRECTORY),
        (host(files={FILE: GOOD, DIRECTORY: "x", UNWANTED: GOOD}), UNWANTED),
        (host(files={FILE: GOOD, DIRECTORY: "x", UNWANTED: "unreadable"}), UNWANTED),
    ],
    ids=["package", "no unit", "stopped", "not enabled", "mode", "owner", "unreadable", "no file", "nothing there",
         "unwanted", "unwanted, unreadable"],
)  # fmt: skip
def test_each_difference_is_named(actual: dict[str, Any], name: str) -> None:
    assert drifted(actual) == [name]


def test_a_unit_that_only_has_to_be_enabled_may_be_down() -> None:
    units = {"haproxy.service": {"started": False, "enabled": True}}
    assert drifted(host(units=units), units=[{"name": "haproxy.service"}]) == []


def test_only_packages_of_the_host_s_distribution_are_missed() -> None:
    packages = {"bookworm": ["docker.io"], "trixie": ["docker.io", "docker-cli"]}
    assert drifted(host(packages=["haproxy", "docker.io"]), packages_by_codename=packages) == []
    assert drifted(host(codename="trixie"), packages_by_codename=packages) == ["docker.io", "docker-cli"]
    assert drifted(host(codename="sid"), packages_by_codename=packages) == []


def in_sync(actual: dict[str, Any]) -> list[str]:
    state = {**EMPTY, "packages": ["haproxy"], "units": [UNIT]}
    return drift.in_sync(PATHS, state, actual, drift.compare(0, state, PATHS, actual))


def test_what_is_in_sync_is_named() -> None:
    assert in_sync(host()) == ["haproxy", FILE, DIRECTORY, UNWANTED, UNIT["name"]]
    assert in_sync(host(files={FILE: GOOD.replace("0644", "0666"), DIRECTORY: "x"})) == [
        "haproxy", DIRECTORY, UNWANTED, UNIT["name"],
    ]  # fmt: skip
    stopped = host(units={UNIT["name"]: {"started": False, "enabled": True}})
    assert in_sync(stopped) == ["haproxy", FILE, DIRECTORY, UNWANTED]


def test_no_path_and_no_unit_is_in_sync_while_a_package_is_missing() -> None:
    """Its installation may write one."""
    assert in_sync(host(packages=[])) == []


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/etc/systemd/system/haproxy.service.d/slipway.conf", "haproxy.service"),
        ("/etc/systemd/system/slipway-recover@.service", "slipway-recover@inference.service"),
        ("/etc/systemd/system/slipway-backup.timer", "slipway-backup.timer"),
    ],
)
def test_a_unit_that_systemd_has_loaded_from_an_older_file_is_drift(path: str, unit: str) -> None:
    """A run that was interrupted, or of `--tags configure` alone, has written it."""
    loaded = {"started": True, "enabled": True, "outdated": True}
    old = host(units={UNIT["name"]: {"started": True, "enabled": True}, unit: loaded}, files={path: GOOD})
    paths: drift.Paths = {path: GOOD}
    state = {**EMPTY, "packages": ["haproxy"], "units": [UNIT]}
    assert drift.unit_patterns(paths) == [unit.replace("@inference", "@*")]
    assert drifted(old, paths) == [f"{unit} (needs daemon-reload)"]
    assert drift.in_sync(paths, state, old, drift.compare(0, state, paths, old)) == ["haproxy", path]
    assert drifted(old, {"/etc/systemd/system/other.service": drift.ABSENT}) == [], "a unit of somebody else"


@pytest.mark.parametrize(
    ("command", "result", "matches"),
    [
        ({}, {"rc": 0, "json": None}, True),
        ({}, {"rc": 1, "json": None}, False),
        ({"rc": 2}, {"rc": 2, "json": None}, True),
        ({}, {"rc": 126, "json": None}, False),
        ({"json": {"issue": ""}}, {"rc": 0, "json": {"issue": "", "force": False}}, True),
        ({"json": {"issue": ""}}, {"rc": 0, "json": {"issue": "it ends in 2.0 days"}}, False),
        ({"json": {"issue": ""}}, {"rc": 0, "json": {}}, False),
        ({"json": {"issue": ""}}, {"rc": 0, "json": None}, False),
        ({"json": {"issue": ""}}, {"rc": 1, "json": {"issue": ""}}, False),
    ],
)
def test_a_command_is_judged_by_its_exit_code_and_json(
    command: dict[str, Any], result: dict[str, Any], matches: bool
) -> None:
    commands = {"state": {"argv": ["state"], **command}}
    assert drifted(host(commands={"0 state": result}), commands=commands) == ([] if matches else ["state"])


def test_commands_of_the_same_name_belong_to_their_roles() -> None:
    states: list[tuple[dict[str, Any], drift.Paths]] = [
        ({**EMPTY, "commands": {"state": {"argv": [name]}}}, {}) for name in ("first", "second")
    ]
    assert drift.probe_request(states)["commands"] == {"0 state": ["first"], "1 state": ["second"]}


# The host's side.


def test_a_file_is_its_content_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    path.chmod(0o640)
    assert host_probe.file(str(path)).startswith(f"{hashlib.sha256(b'text').hexdigest()} 0640 ")
    assert host_probe.file(str(tmp_path)).startswith("directory ")
    assert host_probe.file(str(tmp_path / "none")) == host_probe.file(f"{path}/below") == ""
    (tmp_path / "link").symlink_to(path)
    assert host_probe.file(str(tmp_path / "link")).startswith("other "), "template and copy decide about links"
    (tmp_path / "loop").symlink_to("loop")
    assert host_probe.file(f"{tmp_path}/loop/below") == "unreadable", "an unknown state is not a missing file"


def prints(monkeypatch: pytest.MonkeyPatch, stdout: str) -> None:
    monkeypatch.setattr(host_probe, "run", lambda *argv: (0, stdout))


def test_a_package_that_is_half_installed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    prints(monkeypatch, "haproxy installed\ncertbot config-files\nnftables unpacked\n")
    assert host_probe.packages(["haproxy", "certbot", "nftables", "sudo"]) == ["haproxy"]


def test_units_are_read_by_all_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [
        "Names=a.service alias.service\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no",
        "Names=b@1.service\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=yes",
    ]
    prints(monkeypatch, "\n\n".join(blocks) + "\n")
    a = {"started": True, "enabled": True, "outdated": False}
    b = {"started": False, "enabled": False, "outdated": True}
    assert host_probe.units(["alias.service", "b@*.service"]) == {"a.service": a, "alias.service": a, "b@1.service": b}
    prints(monkeypatch, "")
    assert host_probe.units(["a.service"]) == {}, "no unit is drift"


def test_the_distribution_is_read_as_a_shell_would() -> None:
    text = '# a comment\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
    assert host_probe.codename(text) == "bookworm"


def test_a_command_that_cannot_run_has_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_probe, "TIMEOUT_S", 0.1)
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    (tmp_path / "hook").chmod(0o644)
    assert host_probe.command(["no-such-command"])["rc"] == 127
    assert host_probe.command([str(tmp_path / "hook")])["rc"] == 126
    assert host_probe.command([str(tmp_path)])["rc"] == 126
    assert host_probe.command(["sleep", "9"])["rc"] == 124
    assert host_probe.command(["echo", '{"issue": ""}']) == {"rc": 0, "json": {"issue": ""}}


# Both, by a play.

CONFIG = f"""
[defaults]
roles_path = elsewhere
collections_path = {ROOT / "collections"}
interpreter_python = {sys.executable}
inject_facts_as_vars = False
"""


def role(directory: Path, name: str, variables: dict[str, Any]) -> None:
    for part, document in (("vars", variables), ("tasks", [{"ansible.builtin.debug": {"msg": name}}])):
        (directory / name / part).mkdir(parents=True)
        (directory / name / part / "main.yml").write_text(json.dumps(document))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two roles, one beside the playbook and one in roles_path. The first needs a line, the second a flag."""
    (tmp_path / "ansible.cfg").write_text(CONFIG)
    line = "{{ lookup('ansible.builtin.template', 'line.j2') | trim }}"
    command = {"argv": ["grep", "-qx", line, str(tmp_path / "file")]}
    role(tmp_path / "roles", "first", {"first_state": {"commands": {"line": command}}})
    second = {"commands": {"flag": {"argv": ["test", "-e", f"{tmp_path}/flag"]}}, "present": [f"{tmp_path}/flag"]}
    role(tmp_path / "elsewhere", "second", {"second_state": second})
    (tmp_path / "roles/first/templates").mkdir()
    (tmp_path / "roles/first/templates/line.j2").write_text("{{ greeting }}, {{ role_path | basename }}\n")
    (tmp_path / "file").write_text("Hello, first\n")
    (tmp_path / "flag").touch()
    write_play(tmp_path, "first", "second")
    return tmp_path


def write_play(site: Path, *roles: str, **options: Any) -> None:
    answer = {"content": "{{ converge_drift | to_json }}", "dest": str(site / "answer"), "mode": "0644"}
    tasks: list[dict[str, Any]] = [
        {"slipway.ops.drift_info": {"roles": list(roles), **options}, "register": "converge_drift"},
        {"ansible.builtin.copy": answer, "check_mode": False},
        *({"ansible.builtin.import_role": {"name": name}} for name in roles),
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (site / "site.yml").write_text(json.dumps([play]))


def run(site: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [program, "-i", "localhost,", "site.yml", "-e", json.dumps(variables), *words],
        cwd=site, env={**os.environ, "ANSIBLE_CONFIG": str(site / "ansible.cfg"), "COLUMNS": "500"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def drift_of(site: Path, *words: str, **variables: str) -> dict[str, Any]:
    done = run(site, *words, **variables)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    answer: dict[str, Any] = json.loads((site / "answer").read_text())
    return {**answer, "printed": done.stdout + done.stderr}


def test_nothing_is_printed_for_a_host_without_drift(site: Path) -> None:
    answer = drift_of(site, greeting="Hello")
    assert (answer["roles"], answer["drift"], answer["errors"], answer["changed"]) == ([], {}, {}, False)
    assert answer["in_sync"] == {"first": [], "second": [f"{site}/flag"]}
    assert "Drift" not in answer["printed"]


def test_the_desired_state_of_files_is_returned(site: Path) -> None:
    role(site / "roles", "third", {"third_state": {"files": [{"path": "/nowhere/a", "src": "a.j2", "mode": "0600"}]}})
    (site / "roles/third/templates").mkdir()
    (site / "roles/third/templates/a.j2").write_text("{{ greeting }}\n")
    write_play(site, "third")
    digest = hashlib.sha256(b"Hello\n").hexdigest()
    assert drift_of(site, greeting="Hello")["desired"] == {"/nowhere/a": f"{digest} 0600 root root"}


def test_files_that_only_the_last_converge_had_are_drift_of_the_role_that_removes_them(
    site: Path, tmp_path: Path
) -> None:
    hook, gone, changed, foreign = (str(tmp_path / name) for name in ("hooks/a", "hooks/b", "hooks/c", "unit"))
    (tmp_path / "hooks").mkdir()
    for path, text in ((hook, "ours"), (changed, "theirs"), (foreign, "ours")):
        Path(path).write_text(text)
    entry = {"sha256": hashlib.sha256(b"ours").hexdigest()}
    record = tmp_path / "converged.json"
    record.write_text(json.dumps({"files": dict.fromkeys((hook, gone, changed, foreign), entry)}))
    plugin = (ROOT / "collections/ansible_collections/slipway/ops/plugins/action/drift_info.py").read_text()
    (site / "action_plugins").mkdir()
    recorded = plugin.replace("/var/lib/slipway/converged.json", str(record))
    (site / "action_plugins/drift_info.py").write_text(recorded)
    role(site / "roles", "third", {"third_state": {"obsolete": [f"{tmp_path}/hooks/*"]}})
    write_play(site, "third")
    text = (site / "site.yml").read_text().replace("slipway.ops.drift_info", "drift_info")
    (site / "site.yml").write_text(text)
    answer = drift_of(site)
    assert answer["obsolete"] == {"third": [hook]}
    assert answer["stale"] == sorted([hook, gone, changed, foreign])
    assert answer["drift"]["third"]["files"] == [hook]
    assert f"Drift on localhost: role third: file {hook}" in answer["printed"]
    # The role that cannot be rendered may be the one that has it.
    write_play(site, "first", "third")
    (site / "site.yml").write_text((site / "site.yml").read_text().replace("slipway.ops.drift_info", "drift_info"))
    answer = drift_of(site)
    assert "first" in answer["errors"] and answer["obsolete"] == {"third": []} and hook in answer["stale"]


def test_each_role_has_its_own_drift(site: Path) -> None:
    (site / "flag").unlink()
    answer = drift_of(site, greeting="Hello")
    assert answer["roles"] == ["second"]
    assert answer["drift"] == {"second": {"packages": [], "files": [f"{site}/flag"], "units": [], "commands": ["flag"]}}
    for line in (f"Drift on localhost: role second: file {site}/flag", "Drift on localhost: role second: command flag"):
        assert line in answer["printed"]
    assert drift_of(site, "--check", greeting="Goodbye")["roles"] == ["first", "second"], "check mode reads as well"


def test_drift_that_is_left_is_printed_as_a_warning(site: Path) -> None:
    write_play(site, "first", warn=True)
    assert "[WARNING]: Drift is left on localhost: role first: command line" in drift_of(site, greeting="x")["printed"]


def test_files_are_rendered_as_their_modules_would_write_them(site: Path) -> None:
    """Also a template that is rendered several times with different variables, and one that trims blocks."""
    (site / "roles/first/templates/greeting.j2").write_text(
        "{{ ansible_managed }}\n{% for i in [1] %}\n{{ name }} {{ i }}\n{% endfor %}\n\n"
    )
    (site / "roles/first/files").mkdir()
    (site / "roles/first/files/program").write_text("{{ not a template }}\n")
    files = [
        *(
            {"path": f"{site}/etc/{name}", "src": "greeting.j2", "mode": "0600", "vars": {"name": name}}
            for name in "ab"
        ),
        {"path": f"{site}/etc/program", "src": "program", "verbatim": True, "mode": "0755"},
    ]
    (site / "roles/first/vars/main.yml").write_text(json.dumps({"first_state": {"files": files}}))
    modules = [
        {"ansible.builtin.template": {"src": "greeting.j2", "dest": f"{site}/etc/", "mode": "0600"}},
        {"ansible.builtin.copy": {"src": "program", "dest": f"{site}/etc/program", "mode": "0755"}},
    ]
    (site / "etc").mkdir()
    for name in "ab":
        modules[0]["ansible.builtin.template"]["dest"] = f"{site}/etc/{name}"
        task = {**modules[0], "vars": {"name": name}}
        (site / "roles/first/tasks/main.yml").write_text(json.dumps([task, modules[1]]))
        drift_of(site)
    answer = drift_of(site)
    own = f"{os.getuid()}" == "0"
    assert answer["roles"] == ([] if own else ["first"]), "all files of a role belong to root"
    (site / "etc/b").write_text("b 2\n\n")
    assert f"{site}/etc/b" in drift_of(site)["drift"]["first"]["files"]


def test_a_role_whose_state_cannot_be_rendered_counts_as_drifted_and_hides_no_other(site: Path) -> None:
    (site / "flag").unlink()
    (site / "roles/first/tasks/main.yml").write_text("[]")
    answer = drift_of(site)
    assert (answer["roles"], list(answer["drift"])) == (["first", "second"], ["second"])
    assert "greeting" in answer["errors"]["first"]
    assert "localhost: the desired state of role first cannot be rendered: " in answer["printed"]


def test_a_file_that_is_missing_on_the_controller_is_an_error_of_its_role(site: Path) -> None:
    state = {"files": [{"path": "/etc/none", "src": "none", "verbatim": True}], "no_such_key": []}
    (site / "elsewhere/second/vars/main.yml").write_text(json.dumps({"second_state": state}))
    assert "no_such_key" in drift_of(site, greeting="Hello")["errors"]["second"]
    del state["no_such_key"]
    (site / "elsewhere/second/vars/main.yml").write_text(json.dumps({"second_state": state}))
    assert "none" in drift_of(site, greeting="Hello")["errors"]["second"]


def test_a_role_without_a_state_is_a_mistake_in_the_play(site: Path) -> None:
    """Not a host with drift: that would never end."""
    (site / "elsewhere/second/vars/main.yml").write_text("{}")
    done = run(site, greeting="Hello")
    assert done.returncode != 0
    assert "Not imported by this play, or without <role>_state: second." in done.stdout
