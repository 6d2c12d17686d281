"""An image names the commit that it was built from, or the build says why it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.source_commit import Commit, commit_of


def git(folder: Path, *words: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    argv = ["git", "-C", str(folder), *words]
    return subprocess.run(argv, env={**os.environ, **who}, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with app/Dockerfile, committed once."""
    folder = tmp_path / "a checkout"
    (folder / "app").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / "app" / "Dockerfile").write_text("FROM scratch\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "One")
    return folder


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD")


def test_the_commit_and_its_time(checkout: Path) -> None:
    found = commit_of(checkout / "app")
    assert found.revision == head(checkout) and found.warning == ""
    assert found.epoch == git(checkout, "log", "-1", "--format=%ct")
    assert found.created == git(checkout, "log", "-1", "--format=%cI")


def test_a_checkout_of_another_owner(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    if os.getuid() == 0:
        for path in (checkout, *checkout.rglob("*")):
            os.chown(path, 1000, 1000)
    assert commit_of(checkout / "app").revision == git(checkout, "-c", "safe.directory=*", "rev-parse", "HEAD")


def test_what_is_not_committed_is_said(checkout: Path) -> None:
    (checkout / "app" / "Dockerfile").write_text("FROM other\n")
    (checkout / "app" / "zurück.py").touch()
    (checkout / "app" / "ignored.pyc").touch()
    found = commit_of(checkout / "app")
    assert found.revision == f"{head(checkout)}-dirty"
    assert "app/Dockerfile, app/zurück.py" in found.warning


def test_changes_elsewhere_do_not_matter(checkout: Path) -> None:
    (checkout / "notes").touch()
    seconds, date = git(checkout, "log", "-1", "--format=%ct %cI").split()
    assert commit_of(checkout / "app") == Commit(head(checkout), seconds, date, warning="")


def test_without_git_the_build_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = commit_of(checkout / "app")
    assert found.revision == "unknown" and "apt-get install git" in found.warning


def test_a_broken_repository_is_said(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    (checkout / ".git").write_text("gitdir: /nowhere\n")
    found = commit_of(checkout / "app")
    assert found.revision == "unknown" and "/nowhere" in found.warning


def test_an_archive_has_no_commit_and_that_is_right(checkout: Path, tmp_path: Path) -> None:
    shutil.copytree(checkout / "app", tmp_path / "archive" / "app")
    assert commit_of(tmp_path / "archive" / "app") == Commit()
    # Nor has one that was unpacked below another repository, whose commit says nothing of it.
    shutil.copytree(checkout / "app", checkout / "unpacked" / "app")
    assert commit_of(checkout / "unpacked" / "app") == Commit()


def test_shallow_clones_worktrees_links_and_hooks(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(checkout, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{checkout}", "shallow")
    (tmp_path / "link").symlink_to(checkout)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    found = {commit_of(tmp_path / name / "app").revision for name in ("tree", "shallow", "link")}
    monkeypatch.delenv("GIT_DIR")
    assert found == {head(checkout)}
