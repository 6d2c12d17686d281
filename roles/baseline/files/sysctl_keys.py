#!/usr/bin/env python3
"""Which sysctl keys does this kernel lack, and why? Changes nothing. Usage: sysctl_keys.py KEYS KNOWN

KEYS, KNOWN: JSON lists. Prints JSON: absent (keys of a feature that this kernel does not have, one of KNOWN, which are
spelt right, or with a `-` before it, as sysctl.d(5) marks what may be missing), unknown (all others that are missing:
misspelt, as far as anybody can see), read_only (whether the settings cannot be written here, as in a container).

A key is of a missing feature when the feature's own folder below /proc/sys is missing or empty: with ipv6.disable=1
there is no net/ipv6, without the module br_netfilter no net/bridge. Where the folder is there, the kernel has the
feature, and a key that is missing in it does not exist.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

PROC = Path("/proc/sys")
# Folders that a kernel has only with the feature of that name; with a module, only while it is loaded.
FEATURES = (
    "kernel/apparmor", "kernel/keys", "kernel/yama", "net/bridge", "net/ipv6", "net/mptcp", "net/netfilter", "net/sctp",
    "net/unix", "sunrpc", "user",
)  # fmt: skip


def path_of(key: str) -> str:
    """As sysctl.d(5) has it: of `.` and `/` the first one separates, and the other one is meant as itself."""
    key = key.removeprefix("-")
    first = next((letter for letter in key if letter in "./"), ".")
    return key if first == "/" else key.translate(str.maketrans("./", "/."))


def may_be_missing(key: str, known: list[str], proc: Path) -> bool:
    lacks = [it for it in FEATURES if not (proc / it).is_dir() or not any((proc / it).iterdir())]
    return key.startswith("-") or key in known or any(path_of(key).startswith(f"{it}/") for it in lacks)


def judge(keys: list[str], known: list[str], proc: Path) -> dict[str, Any]:
    # A key may be a pattern.
    files = {key: [path for path in proc.glob(path_of(key)) if path.is_file()] for key in keys}
    missing = [key for key in keys if not files[key]]
    absent = [key for key in missing if may_be_missing(key, known, proc)]
    there = [path for paths in files.values() for path in paths]
    return {
        "absent": absent,
        "unknown": [key for key in missing if key not in absent],
        "read_only": bool(there) and not any(os.access(path, os.W_OK) for path in there),
    }


if __name__ == "__main__":
    print(json.dumps(judge(json.loads(sys.argv[1]), json.loads(sys.argv[2]), PROC)))
