"""What is shipped: one file, the same for the same sources, that keeps itself unpacked where it may."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from releasectl.startup.bytecode_cache import KEEP, unpack

ROOT = Path(__file__).parents[2]


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "releasectl" / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "releasectl"
    path.write_bytes(builder().archive())
    return path


def test_the_same_sources_give_the_same_bytes() -> None:
    assert builder().archive() == builder().archive()


def test_it_runs_as_one_file(archive: Path) -> None:
    done = subprocess.run([sys.executable, "-IS", str(archive), "--help"], capture_output=True, text=True, check=True)
    assert "rollback" in done.stdout


def test_unpacked_it_is_whole_readable_and_compiled(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "one"
    umask = os.umask(0o077)
    try:
        unpack(str(archive), str(folder))
    finally:
        os.umask(umask)
    with zipfile.ZipFile(archive) as file:
        wanted = {name for name in file.namelist() if name.startswith("releasectl/")}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    assert found == wanted
    assert len(list(folder.rglob("*.pyc"))) == len(found)
    assert all(path.stat().st_mode & 0o055 for path in (folder, *folder.rglob("*")))
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_the_folder_of_before_stays_and_older_ones_go(archive: Path, tmp_path: Path) -> None:
    for number in range(KEEP + 2):
        unpack(str(archive), str(tmp_path / "cache" / str(number)))
        os.utime(tmp_path / "cache" / str(number), (number, number))
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {str(KEEP), str(KEEP + 1)}


def test_a_second_one_at_the_same_time_leaves_nothing_behind(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "one"
    unpack(str(archive), str(folder))
    unpack(str(archive), str(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_without_room_it_runs_as_it_is(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    unpack(str(archive), str(tmp_path / "cache" / "one"))
    assert (tmp_path / "cache").is_file()
