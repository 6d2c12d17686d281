"""Files that matter: whole or not there, private when secret, and room kept for the end of a rollout."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from releasectl.host import files
from releasectl.model.errors import Code, Failure

from .full_disk import FullDisk


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(path: Path) -> set[str]:
    return {it.name for it in path.iterdir()}


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.write_atomic(str(path), "one", 0o644)
    inode = path.stat().st_ino
    files.write_atomic(str(path), "two", 0o600)
    assert (path.read_text(), mode(path), names(tmp_path)) == ("two", 0o600, {"state.json"})
    assert path.stat().st_ino != inode


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        files.write_atomic(str(tmp_path / "a"), "", 0o644)
    finally:
        os.umask(old)
    assert mode(tmp_path / "a") == 0o644


def test_a_link_left_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".a.tmp").symlink_to(victim)
    files.write_atomic(str(tmp_path / "a"), "new", 0o644)
    assert victim.read_text() == "precious" and not (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("room", [0, 2])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    path = tmp_path / "state.json"
    files.write_atomic(str(path), "old", 0o644)
    FullDisk(monkeypatch, room)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(str(path), "new text", 0o644)
    assert path.read_text() == "old"
    files.sweep(str(tmp_path))
    assert names(tmp_path) == {"state.json"}


def test_a_directory_appears_with_all_its_files_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "7"
    contents = {"release.json": ("{}", 0o644), "secrets.env": ("A=1\n", 0o600)}
    with monkeypatch.context() as patch:
        FullDisk(patch, 3)
        with pytest.raises(OSError, match="No space"):
            files.write_new_dir(str(path), contents)
        assert not path.exists()
    files.write_new_dir(str(path), contents)
    assert (names(path), names(tmp_path)) == ({"release.json", "secrets.env"}, {"7"})
    assert (mode(path / "secrets.env"), mode(path / "release.json")) == (0o600, 0o644)


def test_a_directory_is_gone_at_once_and_twice_is_once(tmp_path: Path) -> None:
    (tmp_path / "7" / "sub").mkdir(parents=True)
    files.remove_dir(str(tmp_path / "7"))
    files.remove_dir(str(tmp_path / "7"))
    assert names(tmp_path) == set()


def test_a_link_is_replaced_and_removed(tmp_path: Path) -> None:
    link = tmp_path / "blue"
    files.link_atomic(str(link), "../releases/1")
    files.link_atomic(str(link), "../releases/2")
    assert os.readlink(link) == "../releases/2" and names(tmp_path) == {"blue"}
    files.remove_file(str(link))
    files.remove_file(str(link))
    assert names(tmp_path) == set()


def test_lines_are_appended_after_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    files.append_line(str(path), "one", 0o600)
    with path.open("a") as file:
        file.write("torn")
    files.append_line(str(path), "two", 0o600)
    assert (path.read_text(), mode(path)) == ("one\ntorn\ntwo\n", 0o600)


def test_a_line_that_does_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    files.append_line(str(path), "one", 0o600)
    FullDisk(monkeypatch, 2)
    with pytest.raises(OSError, match="No space"):
        files.append_line(str(path), "two-and-more", 0o600)
    assert path.read_text() == "one\n"


def test_a_sweep_takes_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    for name in (".7.gone", ".8.tmp"):
        (tmp_path / name / "sub").mkdir(parents=True)
    for name in (".state.json.tmp", "state.json", ".hidden", "a.tmp"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".blue.tmp").symlink_to(tmp_path / "state.json")
    files.sweep(str(tmp_path))
    files.sweep(str(tmp_path / "missing"))
    assert names(tmp_path) == {"state.json", ".hidden", "a.tmp"}


def test_the_reserve_is_given_up_for_a_write_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = files.Reserve(str(tmp_path / "reserve"))
    reserve.fill()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= files.RESERVE_BYTES
    path = tmp_path / "state.json"
    FullDisk(monkeypatch, 2, tmp_path / "reserve")
    reserve.guard("state.json", lambda: files.write_atomic(str(path), "whole", 0o644))
    assert path.read_text() == "whole"
    reserve.fill()
    assert (tmp_path / "reserve").exists()


def test_without_a_reserve_a_full_disk_is_code_8_and_says_what_was_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = files.Reserve(str(tmp_path / "reserve"))
    FullDisk(monkeypatch, 0)
    with pytest.raises(Failure, match=r"Failed to write state\.json: No space left on device") as caught:
        reserve.guard("state.json", lambda: files.write_atomic(str(tmp_path / "a"), "x", 0o644))
    assert caught.value.code == Code.PREFLIGHT


def test_other_trouble_keeps_the_reserve(tmp_path: Path) -> None:
    reserve = files.Reserve(str(tmp_path / "reserve"))
    reserve.fill()
    with pytest.raises(Failure, match="No such file"):
        reserve.guard("x", lambda: files.write_atomic(str(tmp_path / "no" / "a"), "x", 0o644))
    assert (tmp_path / "reserve").exists()


def test_a_missing_file_is_none_and_an_unreadable_one_an_error(tmp_path: Path) -> None:
    assert files.read_text(str(tmp_path / "no")) is None
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError):
        files.read_text(str(tmp_path / "bad"))
    with pytest.raises(OSError, match="directory"):
        files.read_text(str(tmp_path))
