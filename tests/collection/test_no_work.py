"""A run that did no work fails, and its message names what selected nobody. Nothing here reaches a host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate_docs import playbook_files

ROOT = Path(__file__).parent.parent.parent
ON_HOSTS = [
    "site.yml",
    *(f"playbooks/{name}.yml" for name in (
        "canary", "converge", "deploy", "drift", "models/list", "prefetch", "rollback", "smoke_test", "status",
        "upgrade", "verify",
    )),
]  # fmt: skip
# Ansible's own file of a host that answers by itself: no connection is made.
ALONE = "h1 ansible_connection=local\n[inference]\nh1\n"


def play(playbook: str, *arguments: str, **env: str) -> tuple[int, str]:
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), playbook, *arguments]
    done = subprocess.run(argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_every_playbook_is_about_hosts_or_about_the_controller() -> None:
    playbooks = playbook_files()
    assert {str(it.relative_to(ROOT)) for it in playbooks if "hosts: localhost" not in it.read_text()} == set(ON_HOSTS)


@pytest.mark.parametrize("playbook", ON_HOSTS)
def test_a_playbook_fails_without_a_host(playbook: str) -> None:
    code, out = play(playbook, LAB_HOSTS="0")
    assert code == 1, out
    assert "matched no host" in out and "group inference: no host" in out and "inventory/local" in out


def test_a_limit_fails_where_it_leaves_nobody() -> None:
    code, out = play("playbooks/status.yml", "--limit", "inference-3", LAB_HOSTS="1")
    assert code == 1 and "group inference: inference-1" in out and "--limit inference-3 leaves none" in out, out
    assert "inference-3: only in lab_places; LAB_HOSTS in the environment says how many" in out, out
    code, out = play("playbooks/build.yml", "--limit", "inference-1", LAB_HOSTS="1")
    assert code == 1 and "hosts: localhost" in out and "--limit inference-1 leaves none" in out, out
    # One that there is does not hide the one that there is not.
    code, out = play("playbooks/status.yml", "--limit", "inference-1,inference-l2", LAB_HOSTS="1")
    assert code == 1 and "inference-l2" in out, out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tags", "nonexistent"), "--tags nonexistent selected none"),
        (("--skip-tags", "all"), "--skip-tags all selected none"),
        (("--skip-tags", "tagged,untagged,always"), "--skip-tags always,tagged,untagged selected none"),
        (("--start-at-task", "nonexistent"), "--start-at-task nonexistent selected none"),
    ],
)
def test_a_run_fails_where_its_options_leave_no_task(tmp_path: Path, options: tuple[str, str], words: str) -> None:
    """Of site.yml the validation of the roles' arguments still runs, which changes and shows nothing."""
    (tmp_path / "hosts").write_text(ALONE)
    code, out = play("site.yml", "--inventory", str(tmp_path / "hosts"), *options)
    assert code == 1, out
    assert f"No task ran: {words}." in out


@pytest.mark.parametrize("option", ["--syntax-check", "--list-hosts", "--list-tasks"])
def test_what_only_lists_stays_as_it_is(option: str) -> None:
    code, out = play("site.yml", option, LAB_HOSTS="0")
    assert code == 0 and "ERROR" not in out, out


def test_a_service_that_there_is_not_is_named() -> None:
    code, out = play("playbooks/status.yml", "--limit", "inference-1", "-e", "service=inferense", LAB_HOSTS="1")
    assert code == 2 and "value of service must be one of: inference, got: inferense" in out, out


QUERIES = """
import sys
from pathlib import Path
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible_collections.slipway.ops.plugins.plugin_utils import selection
print(*(line for source in sys.argv[1:] for line in selection.queries(Path(source))), sep="\\n")
"""


def test_a_query_is_shown_with_its_values(tmp_path: Path) -> None:
    (tmp_path / "broken.aws_ec2.yml").write_text("regions: [")
    environ = {**os.environ, "AWS_REGION": "eu-west-1", "SLIPWAY_SUFFIX": "-b"}
    argv = [sys.executable, "-c", QUERIES, "inventory/prod", str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert "region: eu-west-1" in done.stdout, done.stderr
    assert "tag:Environment=slipway-prod-b tag:Role=host" in done.stdout
    assert f"{tmp_path}/broken.aws_ec2.yml: " in done.stdout
