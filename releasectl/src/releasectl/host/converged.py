"""
What the last converge left: the files of the roles, to tell later which of them were changed since. A file whose size,
times and mode are the recorded ones is not read.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from ..documents.fields import Fields
from ..documents.timestamps import parse, rfc3339
from ..model.errors import Failure
from ..rollout.surroundings import SHOWN_FILES, Changed, ChangedFile
from ..startup.fast_dataclass import replace
from .files import read_text, write_atomic
from .paths import Paths

SCHEMA = 1


def record(paths: Paths, wanted: Mapping[str, str], left: Sequence[str], by: str, now: float) -> list[str]:
    """
    `wanted`: path → SHA-256 and mode of the desired state. A file that is not in this state keeps its former record: a
    run that left it out must not hide that it was changed by hand. So does one of `left`, which a later converge is to
    remove. Returns the paths that are new or other than before. Raises OSError.
    """
    before = _files(paths)
    files: dict[str, Any] = {path: before[path] for path in left if path in before}
    for path, description in wanted.items():
        digest, mode = description.split()[:2]
        entry = {"sha256": digest, "mode": mode, "seen": _seen(paths.at(path))}
        if entry["seen"] is not None and _difference(path, entry, paths.at(path), trust=False) is None:
            files[path] = entry
        elif path in before:
            files[path] = before[path]
    doc = {"schema": SCHEMA, "at": rfc3339(now), "by": by, "files": files}
    # Only root: the digest of a short secret would tell it.
    write_atomic(paths.converged, json.dumps(doc) + "\n", 0o600)
    return [it for it in files if files[it]["sha256"] != before.get(it, {}).get("sha256")]


def changed_files(paths: Paths) -> Changed | None:
    """None: there is no record, or only root can read it."""
    try:
        fields = Fields(json.loads(read_text(paths.converged) or "{}"), "converged.json")
        if fields.whole("schema") != SCHEMA:
            return None
        found = [_difference(path, entry, paths.at(path)) for path, entry in fields.mapping("files").items()]
        at, by = parse(fields.text("at")), fields.text("by")
    except (OSError, ValueError, KeyError, TypeError, Failure):
        return None
    return Changed(at, by, _with_logins([it for it in found if it]))


def _with_logins(files: Sequence[ChangedFile]) -> tuple[ChangedFile, ...]:
    times = {it.at for it in files[:SHOWN_FILES] if it.at is not None}
    if not times:
        return tuple(files)
    # Local import: on most hosts no file has changed (docs/startup.md).
    from .logins import logged_in

    logins = logged_in(times)
    return tuple(replace(it, logins=logins.get(it.at, ())) if it.at is not None else it for it in files)


def _files(paths: Paths) -> dict[str, Any]:
    try:
        return dict(json.loads(read_text(paths.converged) or "{}").get("files", {}))
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _seen(path: str) -> list[int] | None:
    try:
        return _facts(os.lstat(path))
    except OSError:
        return None


def _facts(it: os.stat_result) -> list[int]:
    return [it.st_mode, it.st_uid, it.st_size, it.st_mtime_ns, it.st_ctime_ns, it.st_ino]


def _difference(path: str, entry: Mapping[str, Any], at: str, trust: bool = True) -> ChangedFile | None:
    """`trust`: a file whose size, times and mode are the recorded ones has the recorded content."""
    try:
        it = os.lstat(at)
    except FileNotFoundError:
        return ChangedFile(path, "removed")
    except OSError:
        return None
    if trust and entry["seen"] == _facts(it):
        return None
    if not stat.S_ISREG(it.st_mode):
        return ChangedFile(path, "no longer a file", it.st_ctime)
    mode = f"{stat.S_IMODE(it.st_mode):04o}"
    if it.st_uid != entry["seen"][1]:
        return ChangedFile(path, f"owner {_name(it.st_uid)}", it.st_ctime)
    if mode != entry["mode"]:
        return ChangedFile(path, f"mode {entry['mode']} → {mode}", it.st_ctime)
    return ChangedFile(path, "content", it.st_mtime) if _digest(at) not in (entry["sha256"], None) else None


def _digest(path: str) -> str | None:
    """None: unknown is not changed."""
    # Local import: most commands need no digest (docs/startup.md).
    from hashlib import sha256

    try:
        with open(path, "rb") as file:
            return sha256(file.read()).hexdigest()
    except OSError:
        return None


def _name(uid: int) -> str:
    from pwd import getpwuid

    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
