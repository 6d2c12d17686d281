"""The tree passes the linters of its languages. A missing tool is a failure: each comes with the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate_docs import playbook_files

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "actions").glob("*/action.yml"))
PLAYBOOKS = [str(path.relative_to(ROOT)) for path in playbook_files()]


def run(*argv: str) -> None:
    done = subprocess.run([str(BIN / argv[0]), *argv[1:]], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "command",
    [
        "ruff check",
        "ruff format --check",
        "mypy",
        "mypy --config-file releasectl/mypy.ini",
        "yamllint --strict .",
        "ansible-lint --offline --profile production",
        "python tools/role_readme.py --check",
    ],
)
def test_passes(command: str) -> None:
    run(*command.split())


@pytest.fixture(scope="module")
def tools() -> str:
    """Directory of the programs that check workflows, in a virtual environment of their own."""
    argv = ["tools/tool_venv", "workflows", "tests/repo/requirements-workflows.lock"]
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=600, check=True).stdout.strip()


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
        ["check-jsonschema", "--builtin-schema", "vendor.github-actions", *ACTIONS],
        ["zizmor", "--offline", "--persona", "pedantic", ".github"],
    ],
    ids=["workflows", "actions", "zizmor"],
)
def test_workflows_pass(tools: str, command: list[str]) -> None:
    run(f"{tools}/{command[0]}", *command[1:])


def test_every_playbook_is_read_by_ansible() -> None:
    run("ansible-playbook", "--syntax-check", *PLAYBOOKS)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_stay_short(playbook: str) -> None:
    assert len((ROOT / playbook).read_text().splitlines()) <= 45
