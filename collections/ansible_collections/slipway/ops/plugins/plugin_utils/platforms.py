# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine builds an image for a platform: natively, by emulation, or not at all."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
"""A platform as the OCI Image Specification names it → its machine, as the tags of wheels and qemu name it."""
# What macOS calls it (uname -m).
ALIASES = {"arm64": "aarch64", "amd64": "x86_64"}
# e_machine of an ELF file, bytes 18 and 19 (elf.h), by which the kernel knows whose programs an emulator takes.
ELF = {"3e00": "x86_64", "b700": "aarch64"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")


class PlatformError(Exception):
    """A platform for which nothing is built; the text says for which ones."""


@dataclass(frozen=True)
class Builder:
    """The machine that builds."""

    machine: str
    emulates: frozenset[str]
    """Machines whose programs run in its containers all the same."""


def this_machine(binfmt: Path = BINFMT) -> Builder:
    machine = platform.machine()
    # Docker runs in a virtual machine on macOS, and Docker Desktop's has emulators for both.
    emulates = frozenset(MACHINES.values()) if platform.system() == "Darwin" else emulated(binfmt)
    return Builder(ALIASES.get(machine.lower(), machine), emulates)


def emulated(binfmt: Path) -> frozenset[str]:
    """
    Machines whose programs the kernel hands to an emulator that containers reach too: only one that was opened when it
    was registered (flag F) is at hand in another root (the kernel's binfmt-misc.rst).
    """
    found = set()
    for path in sorted(binfmt.glob("*")):
        if path.name in ("register", "status"):
            continue
        lines = path.read_text().splitlines()
        pairs = (line.partition(" ") for line in lines)
        values = {pair[0].rstrip(":"): pair[2] for pair in pairs}
        magic = values.get("magic", "")
        if lines[:1] == ["enabled"] and magic.startswith("7f454c46") and "F" in values.get("flags", ""):
            found.add(ELF.get(magic[36:40], ""))
    return frozenset(found - {""})


def targets(wanted: Iterable[str], builder: Builder) -> list[dict[str, Any]]:
    """See RETURN of the lookup slipway.ops.build_platform. None wanted: the builder's own. Raises PlatformError."""
    own = [name for name, machine in MACHINES.items() if machine == builder.machine]
    names = list(dict.fromkeys(wanted)) or own
    unknown = [name for name in names if name not in MACHINES]
    if unknown or not names:
        raise PlatformError(
            f"Failed to build for {', '.join(unknown) or builder.machine}: images are built for "
            f"{' and '.join(MACHINES)}. Set build_platforms in the inventory."
        )
    return [
        {
            "platform": name,
            "architecture": name.partition("/")[2],
            "machine": MACHINES[name],
            "builder": _builder(MACHINES[name], builder),
            "suffix": f"-{name.partition('/')[2]}" if len(names) > 1 else "",
        }
        for name in names
    ]


def _builder(machine: str, builder: Builder) -> str:
    if machine == builder.machine:
        return "native"
    return "emulated" if machine in builder.emulates else "none"
