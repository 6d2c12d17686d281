"""The platform of this host, as its Docker engine and its kernel have it."""

from __future__ import annotations

import os

from ..core.platform import emulated_by
from . import files

BINFMT = "/proc/sys/fs/binfmt_misc"


def emulated(directory: str = BINFMT) -> frozenset[str]:
    """Architectures whose programs the kernel hands to an emulator, such as qemu's."""
    try:
        entries = [name for name in os.listdir(directory) if name not in ("register", "status")]
    except OSError:
        return frozenset()
    texts = (files.read_text(os.path.join(directory, name)) or "" for name in entries)
    return frozenset(found for text in texts if (found := emulated_by(text)))
