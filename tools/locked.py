#!/usr/bin/env python3
"""
Virtual environments from locks, the same whoever makes them.

    PYTHON tools/locked.py venv FOLDER LOCK…    make FOLDER anew with PYTHON: exactly what the locks list, by hash
    PYTHON tools/locked.py pip ARGUMENT…        PYTHON's pip, with a person's package sources and no other settings

No dependency is resolved: a lock lists all of them, and `pip check` reads afterwards that none is missing. A pip
before 24 would ask the index for a newer release of a package that another one wants with an extra.

Packages are wheels. One that has none is named in the first lines of its lock (`--no-binary NAME`, of the command that
made it), and is built by the setuptools of the same lock: pip by itself would fetch one that no hash was checked of.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# The user's pip settings that are kept: package sources, and how to reach them. All others (user, target, no-deps,
# constraint, dry-run …) would change what is installed, or where.
KEPT = (
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy", "timeout",
    "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider", "use-feature",
)  # fmt: skip


def variable(name: str) -> str:
    """By which pip reads a setting from the environment."""
    return "PIP_" + name.upper().replace("-", "_")


def settings(listed: str, command: str) -> dict[str, str]:
    """Of `pip config list` what is kept, as variables, by pip's own order: global, command, variable."""
    found: dict[str, str] = {}
    for section in ("global", command, ":env:"):
        for name, value in re.findall(rf"^{re.escape(section)}\.([\w-]+)=(.*)$", listed, re.MULTILINE):
            if name in KEPT:
                found[variable(name)] = str(ast.literal_eval(value)).strip()
    return found


def pip(python: str, *words: str) -> int:
    """Run pip of that Python, isolated (-I) from PYTHONPATH and the person's own packages; returns its exit code."""
    argv = [python, "-I", "-m", "pip"]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    sources = {variable(name): os.environ.get(variable(name)) for name in (*KEPT, "config-file")}
    asked = {**bare, **{name: value for name, value in sources.items() if value is not None}}
    listed = subprocess.run([*argv, "config", "list"], env=asked, stdout=subprocess.PIPE, text=True)
    if listed.returncode:
        return listed.returncode
    fixed = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    environ = {**bare, **settings(listed.stdout, words[0]), **fixed}
    return subprocess.run([*argv, *words], env=environ).returncode


def built(lock: str) -> list[str]:
    """Names of the packages of a lock that have no wheel."""
    return re.findall(r"^#.* --no-binary (\S+)", lock, re.MULTILINE)


def split(lock: str) -> tuple[str, str]:
    """The entries of a lock that are wheels, and those that are built."""
    parts: tuple[list[str], list[str]] = ([], [])
    for entry in re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)[1:]:
        parts[entry.partition("==")[0] in built(lock)].append(entry)
    return "".join(parts[0]), "".join(parts[1])


def make(folder: Path, locks: Sequence[str]) -> int:
    """Make the environment; returns the exit code of the step that failed, or 0."""
    made = subprocess.run([sys.executable, "-I", "-m", "venv", "--clear", str(folder)]).returncode
    python = str(folder / "bin" / "python")
    # Byte code is made of what is imported, when it is: a third of the time, and of the space, is that of all the rest.
    install = ["install", "--quiet", "--no-compile", "--no-deps", "--require-hashes"]
    wheels, sources = zip(*(split(Path(lock).read_text()) for lock in locks), strict=True)
    with tempfile.TemporaryDirectory() as scratch:
        listed = [Path(scratch, "wheels.lock"), Path(scratch, "sources.lock")]
        for path, parts in zip(listed, (wheels, sources), strict=True):
            path.write_text("".join(parts))
        made = made or pip(python, *install, "--only-binary=:all:", "--requirement", str(listed[0]))
        if any(sources):
            build = ["--no-build-isolation", "--no-binary=:all:"]
            made = made or pip(python, *install, *build, "--requirement", str(listed[1]))
    return made or pip(python, "check")


def main() -> int:
    match sys.argv[1:]:
        case ["venv", folder, first, *more]:
            return make(Path(folder), [first, *more])
        case ["pip", *words] if words:
            return pip(sys.executable, *words)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
