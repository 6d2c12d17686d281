"""The tree passes the linters of its languages. A missing tool is a failure: each comes with the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate_docs import playbook_files

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
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


def test_every_playbook_is_read_by_ansible() -> None:
    run("ansible-playbook", "--syntax-check", *PLAYBOOKS)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_stay_short(playbook: str) -> None:
    assert len((ROOT / playbook).read_text().splitlines()) <= 45
