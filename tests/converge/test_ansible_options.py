"""The switches of ansible-playbook do what its manual says, on a host of which two files have drifted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import lab

CONVERGE = "playbooks/converge.yml"
SYSCTL, CONFIG = "/etc/sysctl.d/60-slipway.conf", "/etc/haproxy/haproxy.cfg"
MARK = "# drift"
# As a run reports it: before the roles, and after them if any is left.
FOUND = (f"role baseline: file {SYSCTL}", f"role edge: file {CONFIG}")


@pytest.fixture(scope="module", autouse=True)
def converged() -> Iterator[None]:
    lab.start()
    lab.good(lab.play(CONVERGE, *lab.LIMIT))
    yield
    done = lab.good(lab.play(CONVERGE, *lab.LIMIT))
    assert "Drift is left" not in done.out
    assert drifted() == []


@pytest.fixture(autouse=True)
def drift() -> None:
    for path in set(FILES) - set(drifted()):
        lab.on_host("sh", "-c", f"echo '{MARK}' >> {path}")


FILES = (SYSCTL, CONFIG)


def drifted() -> list[str]:
    return [path for path in FILES if MARK in lab.on_host("cat", path)]


def converge(*switches: str) -> lab.Done:
    """What drifted was found where the run checked for it."""
    done = lab.good(lab.play(CONVERGE, *lab.LIMIT, *switches))
    if "Check the host for drift" in done.out:
        for line in FOUND:
            assert f"Drift on {lab.HOST}: {line}" in done.out
    return done


def left(done: lab.Done) -> list[str]:
    """The files that the run warns of."""
    return [path for path, line in zip(FILES, FOUND, strict=True) if f"Drift is left on {lab.HOST}: {line}" in done.out]


def ran(done: lab.Done, task: str) -> bool:
    return f"TASK [{task}]" in done.out


def test_list_tasks_shows_the_tasks_that_change_a_host() -> None:
    done = lab.good(lab.play("site.yml", "--list-tasks"))
    for line in (
        "baseline : Install the packages\tTAGS: [baseline, install]",
        "baseline : Configure the host\tTAGS: [baseline, configure]",
        "docker : Install Docker\tTAGS: [docker, install]",
        "docker : Start Docker\tTAGS: [docker, run]",
        "edge : Configure HAProxy\tTAGS: [configure, edge]",
        "tls : Get a certificate\tTAGS: [run, tls]",
    ):
        assert line in done.out
    assert drifted() == [SYSCTL, CONFIG]


def test_check_and_diff_show_the_changes_and_make_none() -> None:
    done = converge("--check", "--diff")
    assert done.out.count(f"-{MARK}") == 2
    assert done.recap[lab.HOST]["changed"] >= 2
    assert drifted() == [SYSCTL, CONFIG]


def test_a_role_s_tag_leaves_the_other_roles_and_says_so() -> None:
    done = converge("--tags", "edge")
    assert drifted() == [SYSCTL]
    assert left(done) == [SYSCTL]
    assert not ran(done, "baseline : Configure the host")


def test_a_phase_s_tag_leaves_the_other_phases_and_says_so() -> None:
    done = converge("--tags", "install")
    assert ran(done, "baseline : Install the packages")
    assert not ran(done, "edge : Configure HAProxy")
    assert drifted() == left(done) == [SYSCTL, CONFIG]
    done = converge("--tags", "configure")
    assert ran(done, "edge : Configure HAProxy")
    assert not ran(done, "edge : Install HAProxy")
    assert not ran(done, "edge : Start HAProxy")
    assert drifted() == left(done) == []


def test_skipping_the_installation_skips_nothing_else() -> None:
    done = converge("--skip-tags", "install")
    assert drifted() == left(done) == []
    assert not ran(done, "edge : Install HAProxy")
    assert "RUNNING HANDLER [edge : Reload HAProxy into its new configuration]" in done.out


def test_a_file_runs_its_own_handler_and_no_other() -> None:
    """Ansible notifies the handlers of all items of a loop when one of them changes."""
    journal = ("systemctl", "show", "--property=MainPID", "--value", "systemd-journald")
    before = lab.on_host(*journal)
    done = converge("--tags", "baseline")
    assert drifted() == [CONFIG]
    assert 2 <= done.recap[lab.HOST]["changed"] <= 3, (
        "the file, its handler, and the kernel's settings where they can be written"
    )
    assert lab.on_host(*journal) == before, "the journal was not restarted"


def test_skipping_a_phase_with_drift_says_so() -> None:
    done = converge("--skip-tags", "configure")
    assert drifted() == left(done) == [SYSCTL, CONFIG]


def test_a_run_starts_at_a_task_and_says_what_it_left_out() -> None:
    done = converge("--start-at-task", "Configure HAProxy")
    assert not ran(done, "Check the host for drift")
    assert not ran(done, "edge : Install HAProxy")
    assert ran(done, "edge : Start HAProxy")
    assert drifted() == left(done) == [SYSCTL]


def test_a_limit_leaves_every_other_host() -> None:
    """The other ones of the lab may be in use: they are only listed."""
    listed = lab.run(str(lab.BIN / "ansible-playbook"), CONVERGE, "--limit", f"inference:!{lab.HOST}", "--list-hosts")
    assert lab.HOST not in listed.out.split()
    assert set(converge().recap) == {lab.HOST}
    assert drifted() == []


def step(answers: str) -> str:
    argv = [str(lab.BIN / "ansible-playbook"), CONVERGE, *lab.LIMIT, "--step"]
    done = subprocess.run(argv, cwd=lab.ROOT, input=answers, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert "Perform task: TASK: edge : Configure HAProxy" in done.stdout or answers == "c\n"
    return done.stdout


def test_each_step_is_confirmed() -> None:
    step("n\n" * 200)
    assert drifted() == [SYSCTL, CONFIG]
    step("y\n" * 200)
    assert drifted() == []


def test_the_rest_of_the_steps_can_be_confirmed_at_once() -> None:
    step("c\n")
    assert drifted() == []


def test_every_role_is_applied_on_request() -> None:
    done = lab.good(lab.play(CONVERGE, *lab.LIMIT, "-e", "converge_all=true"))
    assert not any(f"Drift on {lab.HOST}" in line for line in done.out.splitlines())
    assert "tls : Read the state of the certificate" in done.out
    assert drifted() == []


def test_the_drift_report_names_each_file_and_changes_none(tmp_path: Path) -> None:
    report = tmp_path / "drift.json"
    words = ("playbooks/drift.yml", *lab.LIMIT, "-e", f"drift_report={report}")
    done = lab.play(*words)
    assert done.code == 2, done.out[-6000:]
    host = json.loads(report.read_text())["hosts"][lab.HOST]
    assert (host["in_sync"], host["unreachable"], host["errors"]) == (False, False, {})
    assert {role: found["files"] for role, found in host["drift"].items()} == {"baseline": [SYSCTL], "edge": [CONFIG]}
    assert drifted() == [SYSCTL, CONFIG]
    converge()
    lab.good(lab.play(*words))
    assert json.loads(report.read_text())["hosts"][lab.HOST]["in_sync"] is True
