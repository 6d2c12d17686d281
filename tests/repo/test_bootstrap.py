"""The virtual environment that tools/bootstrap makes imports the engine from its own checkout."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_engine_is_on_the_path(tmp_path: Path) -> None:
    checkout = tmp_path / "it's a 100 % checkout, ü"
    for name in ("bootstrap", "locked.py"):
        (checkout / "tools").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tools" / name, checkout / "tools")
    # Without packages: they take a minute and have tests of their own (test_locks.py).
    (checkout / "requirements.lock").touch()
    package = checkout / "releasectl" / "src" / "releasectl"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    done = subprocess.run([checkout / "tools" / "bootstrap"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    python = checkout / ".venv" / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import releasectl; print(releasectl.__file__)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(package / "__init__.py"), found.stderr


def test_an_environment_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    bootstrap = shutil.copy(ROOT / "tools" / "bootstrap", tmp_path / "tools")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".venv").symlink_to("elsewhere")
    done = subprocess.run([bootstrap], capture_output=True, text=True)
    assert (done.returncode, list((tmp_path / "elsewhere").iterdir())) == (1, [])
    assert done.stderr == ".venv is a link to elsewhere: remove the link, then repeat.\n"
