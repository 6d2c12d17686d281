"""tools/release_notes.py prints the notes of one version, and refuses a version without notes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.slipway.ops.plugins.plugin_utils import versions

from tools import release_notes

ROOT = Path(__file__).parent.parent.parent
CHANGELOG = """# Changelog

## Unreleased

- later

## v1.4.2 (2026-01-02)

### Changed

- this

## v1.4.1

## v1.4.0

- before
"""


def notes(tmp_path: Path, version: str, text: str = CHANGELOG) -> subprocess.CompletedProcess[str]:
    (tmp_path / "CHANGELOG.md").write_text(text)
    argv = [sys.executable, str(ROOT / "tools" / "release_notes.py"), version, str(tmp_path / "CHANGELOG.md")]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30)


def test_the_notes_of_a_version_are_its_section(tmp_path: Path) -> None:
    assert notes(tmp_path, "v1.4.2").stdout == "### Changed\n\n- this\n"
    assert notes(tmp_path, "v1.4.0").stdout == "- before\n"


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("v1.4.3", "has no notes of v1.4.3: rename the heading `## Unreleased` to `## v1.4.3`"),
        ("v1.4.1", "has no notes of v1.4.1"),
        ("latest", "'latest' is not a version"),
        ("Unreleased", "'Unreleased' is not a version"),
        ("v1.0.0{{1}}", "is not a version"),
    ],
)
def test_a_version_without_notes_is_refused(tmp_path: Path, version: str, cause: str) -> None:
    done = notes(tmp_path, version)
    assert (done.returncode, done.stdout) == (1, "")
    assert cause in done.stderr


def test_the_changelog_of_this_tree_can_be_read() -> None:
    argv = [sys.executable, str(ROOT / "tools" / "release_notes.py"), "v0.0.0"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "has no notes of v0.0.0" in done.stderr


def test_a_version_looks_as_the_collection_reads_it() -> None:
    assert release_notes.VERSION == versions.VERSION
