# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What is on a host. Sent to it as text and run by its own Python, with the standard library alone: the wrapping of a
module takes the host five times as long as the look itself. Nothing here writes.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

TIMEOUT_S = 60


def look(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "packages": packages(request["packages"]),
        "units": units(request["units"]),
        "files": {path: seen for path in request["files"] if (seen := file(path))},
        "commands": {name: run(*argv) for name, argv in request["commands"].items()},
        "distribution": distribution(Path("/etc/os-release").read_text()),
        "ssh_port": ssh_port(),
    }


def run(*argv: str) -> dict[str, Any]:
    """How a command ended (127: there is none of that name), and what it wrote."""
    try:
        done = subprocess.run(
            argv, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False,
            timeout=TIMEOUT_S, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        return {"rc": 127, "stdout": ""}
    return {"rc": done.returncode, "stdout": done.stdout}


def packages(names: list[str]) -> list[str]:
    """Those that are installed whole."""
    if not names:
        return []
    lines = run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names)["stdout"].splitlines()
    return [line.partition(" ")[0] for line in lines if line.endswith(" installed")]


def units(names: list[str]) -> dict[str, dict[str, bool]]:
    if not names:
        return {}
    shown = run("systemctl", "show", "--property=ActiveState,UnitFileState", *names)["stdout"].split("\n\n")
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown]
    return {
        name: {"started": state.get("ActiveState") == "active", "enabled": state.get("UnitFileState") == "enabled"}
        # What systemd is silent about is not as wanted.
        for name, state in zip(names, states, strict=False)
    }


def file(path: str) -> str:
    """Checksum (or kind), mode, owner and group; empty when there is nothing."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    kind = "folder" if stat.S_ISDIR(status.st_mode) else "other"
    if stat.S_ISREG(status.st_mode):
        kind = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    owner = name_of(pwd.getpwuid, status.st_uid)
    group = name_of(grp.getgrgid, status.st_gid)
    return f"{kind} {stat.S_IMODE(status.st_mode):04o} {owner} {group}"


def name_of(read: Any, number: int) -> str:
    try:
        return str(read(number)[0])
    except KeyError:
        return str(number)


def distribution(text: str) -> dict[str, str]:
    """Its name as people know it, and its code name, out of os-release."""
    words = dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)
    return {"name": words.get("PRETTY_NAME", "?"), "codename": words.get("VERSION_CODENAME", "?")}


def ssh_port(processes: Path = Path("/proc"), pid: str = "self") -> int | None:
    """Port of this connection as the host sees it. sudo hides SSH_CONNECTION from us, not from those who started it."""
    while pid != "0":
        try:
            environment = (processes / pid / "environ").read_bytes().split(b"\0")
            # pid (name) state parent …; the name may hold anything.
            pid = (processes / pid / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:
            return None
        for value in environment:
            if value.startswith(b"SSH_CONNECTION="):
                return int(value.split()[-1])
    return None
