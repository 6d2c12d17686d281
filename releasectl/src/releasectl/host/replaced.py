"""
Which processes still run files that an upgrade has replaced, and whether the host waits for a reboot. Reads /proc, and
changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..rollout.surroundings import Unit
from .files import read_text
from .paths import Paths

# A mapped program or library that its directory no longer has (proc_pid_maps(5)). Only what is executed: caches and
# locales are replaced without an upgrade. Not /memfd:… and /dev/zero, which never had a name.
GONE = re.compile(
    r"^\S+ ..x\S \S+ \S+ [1-9]\d* +/(?:usr|lib|lib64|bin|sbin)/(?:.*/)?([^/\n]+) \(deleted\)$", re.MULTILINE
)
# What dpkg appends to a file while it replaces it.
DPKG = re.compile(r"\.dpkg-(?:tmp|new)$")
KERNEL = "vmlinuz-"


def replaced_files(paths: Paths, units: Mapping[str, Unit]) -> dict[str, tuple[str, ...]]:
    """Unit → the replaced files that its main process runs. Missing: it runs none, or only root can tell."""
    found = {name: _replaced(paths, unit.pid) for name, unit in units.items() if unit.pid}
    return {name: files for name, files in found.items() if files}


def _replaced(paths: Paths, pid: int) -> tuple[str, ...]:
    try:
        text = read_text(paths.at(f"/proc/{pid}/maps")) or ""
    except (OSError, ValueError):
        return ()
    return tuple(dict.fromkeys(DPKG.sub("", name) for name in GONE.findall(text)))


def reboot_cause(paths: Paths, running: str) -> str:
    """Why the host needs a reboot; empty: it does not. `running`: the release of the running kernel (uname(2))."""
    try:
        kernels = [it.removeprefix(KERNEL) for it in os.listdir(paths.at("/boot")) if it.startswith(KERNEL)]
    except OSError:
        kernels = []
    # In a container the kernel is the machine's: it is not among those of /boot.
    newest = max(kernels, key=_numbers) if running in kernels else running
    if _numbers(newest) > _numbers(running):
        return f"kernel {running} runs, {newest} is installed"
    # What packages write for a reboot: kernels, and on Ubuntu libraries such as libc6.
    if not os.path.exists(paths.at("/run/reboot-required")):
        return ""
    try:
        packages = (read_text(paths.at("/run/reboot-required.pkgs")) or "").split()
    except (OSError, ValueError):
        packages = []
    return f"required by {', '.join(dict.fromkeys(packages)) or 'a package'}"


def _numbers(release: str) -> list[int]:
    return [int(it) for it in re.findall(r"\d+", release)]
