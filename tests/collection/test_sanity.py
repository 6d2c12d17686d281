"""The collection passes Ansible's own checks, all of them and without an ignore file."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COLLECTION = ROOT / "collections/ansible_collections/slipway/ops"


def test_the_collection_passes_ansible_test_sanity() -> None:
    done = subprocess.run(
        [str(ROOT / "tools/sanity")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
    )
    ran = done.stdout.count("Running sanity test")
    assert done.returncode == 0, done.stdout[-10000:]
    # A run of nothing ends well, too.
    assert ran > 20, done.stdout[-10000:]


def test_nothing_is_exempt_from_it() -> None:
    assert not list(COLLECTION.rglob("ignore-*.txt"))


def test_what_imports_ansible_is_licensed_as_ansible_is() -> None:
    missing = [str(path) for path in COLLECTION.rglob("*.py") if "GNU General Public License" not in path.read_text()]
    assert missing == []
    assert "GPL-3.0-or-later" in (COLLECTION / "galaxy.yml").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (COLLECTION / "LICENSE").read_text()
    assert "Apache License" in (ROOT / "LICENSE").read_text()
