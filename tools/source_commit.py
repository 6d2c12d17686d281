#!/usr/bin/env python3
"""
Which commit a folder holds, for the image that is built from it, as JSON: revision, epoch, created, warning.

    tools/source_commit.py FOLDER

A folder that belongs to no repository (an archive) has no commit, and that is no error. `warning` names a repository
that cannot be read, or changes that are not committed. Exit code 0 in all of these.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

DEADLINE_S = 60


@dataclass(frozen=True)
class Commit:
    """What an image says of its source; `revision` ends with -dirty where files differ from the commit."""

    revision: str = "unknown"
    epoch: str = "0"
    created: str = "1970-01-01T00:00:00Z"
    warning: str = ""


class Unreadable(Exception):
    """git is missing or does not read the repository; the message says which."""


def git(folder: Path, *words: str) -> str:
    """
    Only reads, whoever owns the repository: git trusts one of another owner (a CI container, a mounted folder) when a
    configuration outside of it says so. Variables of a surrounding git command (a hook) are left behind.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    with tempfile.NamedTemporaryFile("w", suffix=".gitconfig") as config:
        config.write("[safe]\n\tdirectory = *\n[core]\n\tquotePath = false\n")
        config.flush()
        environ |= {"GIT_CONFIG_GLOBAL": config.name, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        # Of the repository's own settings none may run a program.
        argv = ["git", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-C", str(folder), *words]
        try:
            done = subprocess.run(
                argv, env=environ, capture_output=True, text=True, errors="replace", timeout=DEADLINE_S
            )
        except FileNotFoundError:
            raise Unreadable("git is not installed on this machine (apt-get install git)") from None
        except subprocess.TimeoutExpired:
            raise Unreadable(f"git {words[0]} did not end within {DEADLINE_S} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Unreadable(lines[-1] if lines else f"git {words[0]} exited with code {done.returncode}")
    return done.stdout


def commit_of(folder: Path) -> Commit:
    folder = folder.resolve()
    if not any((it / ".git").exists() for it in (folder, *folder.parents)):
        return Commit()
    try:
        # In a repository that does not hold its files (an archive unpacked below one) the folder has no commit either.
        if not git(folder, "ls-files", "--", "."):
            return Commit()
        revision, epoch, created = git(folder, "log", "-1", "--format=%H %ct %cI").split()
        changed = [line[3:] for line in git(folder, "status", "--porcelain", "--", ".").splitlines()]
    except Unreadable as error:
        return Commit(warning=f"Failed to read the commit of {folder}, so the image will not name one: {error}")
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        words = f"The image has changes that {revision[:12]} does not have: {', '.join(changed[:3])}{more}"
        return Commit(f"{revision}-dirty", epoch, created, words)
    return Commit(revision, epoch, created)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    print(json.dumps(asdict(commit_of(Path(sys.argv[1])))))
