"""Whether an image can run on a host. Platforms are named as in the OCI Image Specification ("Image Configuration")."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..model.errors import Code, Failure
from ..startup.fast_dataclass import dataclass
from . import files

# What the processors run besides, and Docker's own fallbacks (containerd, platforms.Only).
RUNS_ALSO = {"amd64": ("386",), "arm64": ("arm",)}
# e_machine of an ELF file, bytes 18 and 19 (elf.h), by which the kernel knows whose programs an emulator takes.
MACHINES = {
    "386": "0300", "amd64": "3e00", "arm": "2800", "arm64": "b700",
    "ppc64le": "1500", "riscv64": "f300", "s390x": "0016",
}  # fmt: skip

BINFMT = "/proc/sys/fs/binfmt_misc"


@dataclass(frozen=True)
class Platform:
    os: str
    architecture: str
    """As Go names it: amd64, arm64; empty: unknown."""

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


def runs(image: Platform, host: Platform, emulated: frozenset[str] = frozenset()) -> bool:
    """`emulated`: architectures whose programs the host's kernel hands to an emulator."""
    if not image.architecture or not host.architecture:
        return True
    if image.os != host.os:
        return False
    near = (host.architecture, *RUNS_ALSO.get(host.architecture, ()))
    return image.architecture in near or image.architecture in emulated


def none_runs(platforms: Iterable[Platform], host: Platform) -> bool:
    """Whether the host can run none of these. False if there are none: then the image's platforms are unknown."""
    known = tuple(platforms)
    if not known or any(runs(it, host) for it in known):
        return False
    emulators = emulated()
    return not any(runs(it, host, emulators) for it in known)


def listed(platforms: Iterable[Mapping[str, Any]] | None) -> tuple[Platform, ...]:
    """
    Each once, from the `Platforms` of Docker's DistributionInspect. An index also lists attestations: their platform is
    unknown/unknown (BuildKit, "Attestation storage").
    """
    found: list[Platform] = []
    for it in platforms or ():
        one = Platform(it.get("os") or "linux", it.get("architecture") or "")
        if one.architecture not in ("", "unknown") and one not in found:
            found.append(one)
    return tuple(found)


def emulated_by(handler: str) -> str | None:
    """The architecture that an entry of /proc/sys/fs/binfmt_misc is for (the kernel's binfmt-misc.rst)."""
    lines = handler.splitlines()
    magic = next((line.split()[1] for line in lines if line.startswith("magic ")), "")
    if lines[:1] != ["enabled"] or not magic.startswith("7f454c46"):
        return None
    return next((name for name, machine in MACHINES.items() if magic[36:40] == machine), None)


def foreign(name: str, platforms: Iterable[Platform], host: Platform) -> Failure:
    built = " and ".join(map(str, platforms))
    return Failure(
        Code.IMAGE,
        f"Failed to pull {name}: the image was built for another platform: it is for {built}, this host is {host}",
        f"Build and push it for {host}, as a new version (build_platforms in the inventory; by hand `docker buildx "
        f"build --platform {host}`).",
    )


def emulated(directory: str = BINFMT) -> frozenset[str]:
    """Architectures whose programs the kernel hands to an emulator, such as qemu's."""
    try:
        entries = [name for name in os.listdir(directory) if name not in ("register", "status")]
    except OSError:
        return frozenset()
    texts = (files.read_text(os.path.join(directory, name)) or "" for name in entries)
    return frozenset(found for text in texts if (found := emulated_by(text)))
