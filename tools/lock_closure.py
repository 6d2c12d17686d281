#!/usr/bin/env python3
"""
Whether each lock lists all that its packages require, extras and markers included: read from a record of what the
locked packages say about themselves (tools/locks.json), so that it needs no network.

After a lock was renewed, write the record again (with the network):  .venv/bin/python tools/lock_closure.py
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.locked import built

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tools" / "locks.json"
# On what environments are made: the Pythons that the controller may have, Linux on either kind of machine.
ENVIRONMENTS = [
    {
        "python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "os_name": "posix",
        "sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine,
        "platform_release": "", "platform_version": "",
    }
    for python, machine in itertools.product(("3.11", "3.12", "3.13", "3.14"), ("x86_64", "aarch64"))
]  # fmt: skip
# `name==version` → what it says of itself: "requires", and "extras", those that somebody asks for. What only
# other extras require is left out.
Record = dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Pin:
    """A line of a lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.name}=={self.version}"

    def holds(self, environment: dict[str, str]) -> bool:
        return not self.marker or holds(f"{self.name} ; {self.marker}", environment)


def locks(root: Path = ROOT) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        below[:] = sorted(it for it in below if not it.startswith("."))
        yield from (Path(folder) / it for it in sorted(files) if it.endswith(".lock"))


def pins(text: str) -> list[Pin]:
    entries = re.findall(
        r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\\n]+?))? *\\?\n((?:    --hash=.*\n)*)", text, re.MULTILINE
    )
    return [
        Pin(canonicalize_name(name), version, marker, tuple(re.findall(r"--hash=\S+", said)))
        for name, version, marker, said in entries
    ]


def wanted(lock: Path) -> list[Requirement]:
    """What a person asked for: the .in beside the lock, or for the controller's own pyproject.toml."""
    asked = lock.with_suffix(".in")
    if asked.exists():
        return list(_listed(asked))
    project: dict[str, Any] = tomllib.loads(lock.with_name("pyproject.toml").read_text())
    return [Requirement(it) for it in project["project"]["dependencies"] + project["dependency-groups"]["dev"]]


def _listed(path: Path) -> Iterator[Requirement]:
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            yield from _listed(path.parent / line[3:].strip())
        elif line and not line.startswith(("#", "-")):
            yield Requirement(line)


def missing(lock: list[Pin], roots: Iterable[Requirement], record: Record, environment: dict[str, str]) -> list[str]:
    """What is required and not in the lock, and by whom. Raises KeyError for what is not recorded."""
    there = {it.name: it for it in lock if it.holds(environment)}
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    # Every package of the lock is installed, whether what was asked for leads to it or not.
    ahead = [("the list", str(it)) for it in roots] + [("the lock", name) for name in there]
    while ahead:
        by, text = ahead.pop()
        requirement = Requirement(text)
        pin = there.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin.version, prereleases=True):
            found.append(f"{text} (for {by})")
            continue
        for extra in {"", *(canonicalize_name(it) for it in requirement.extras)} - {
            it[1] for it in seen if it[0] == pin.name
        }:
            seen.add((pin.name, extra))
            said = record[pin.key]
            if extra and extra not in said["extras"]:
                raise KeyError(f"{pin.name}[{extra}]")
            label = f"{pin.name}[{extra}]" if extra else pin.name
            ahead += [(label, it) for it in said["requires"] if holds(it, {**environment, "extra": extra})]
    return found


def holds(requirement: str, environment: dict[str, str]) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate({"extra": "", **environment})


def record_of(metadata: Iterable[dict[str, Any]], roots: Iterable[Requirement]) -> Record:
    """Of packages' core metadata (as JSON, PyPA's specification), what `missing` reads."""
    raw = {f"{canonicalize_name(it['name'])}=={it['version']}": it.get("requires_dist", []) for it in metadata}
    asked: dict[str, set[str]] = {}
    ahead = [*roots, *(Requirement(it) for requires in raw.values() for it in requires if "extra ==" not in it)]
    while ahead:
        it = ahead.pop()
        name, more = canonicalize_name(it.name), {canonicalize_name(extra) for extra in it.extras}
        new = more - asked.setdefault(name, set())
        asked[name] |= new
        for key in raw if new else ():
            if key.startswith(f"{name}=="):
                ahead += [Requirement(text) for text in raw[key] if extras_of(text) & new]
    record: Record = {}
    for key, requires in sorted(raw.items()):
        extras = asked.get(key.partition("==")[0], set())
        record[key] = {
            "requires": sorted(it for it in requires if not extras_of(it) or extras_of(it) & extras),
            "extras": sorted(extras),
        }
    return record


def extras_of(requirement: str) -> set[str]:
    """The extras with which it is required; none: always."""
    return {canonicalize_name(it) for it in re.findall(r"""extra == ["']([^"']+)""", requirement)}


def read_metadata(lock: Path, seen: set[str]) -> Iterator[dict[str, Any]]:
    """What pip reads of the very files that the lock names by hash; what was seen already is left out."""
    text = lock.read_text()
    for environment in ENVIRONMENTS:
        new = [it for it in pins(text) if it.key not in seen and it.holds(environment)]
        if new:
            seen |= {it.key for it in new}
            yield from _ask_pip(new, environment["python_version"], built(text))


def _ask_pip(new: list[Pin], python_version: str, without_wheel: list[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        report, wanted = Path(folder, "report.json"), Path(folder, "wanted.lock")
        wanted.write_text("".join(f"{it.key} {' '.join(it.hashes)}\n" for it in new))
        pip = [sys.executable, str(ROOT / "tools" / "locked.py"), "pip", "install", "--no-deps", "--require-hashes"]
        what = [
            "--only-binary=:all:",
            *(f"--no-binary={name}" for name in without_wheel),
            "--python-version",
            python_version,
            "--ignore-requires-python",
            "--target",
            folder,
        ]
        how = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report), "--requirement", str(wanted)]
        subprocess.run([*pip, *what, *how], check=True)
        return [it["metadata"] for it in json.loads(report.read_text())["install"]]


def renewed(old: Record) -> Record:
    """Of the locks as they are; what a version said of itself is not read again, unless for another extra."""
    roots = [it for lock in locks() for it in wanted(lock)]
    locked = {it.key for lock in locks() for it in pins(lock.read_text())}
    kept = {key: said for key, said in old.items() if key in locked}
    while True:
        seen = set(kept)
        metadata = [it for lock in locks() for it in read_metadata(lock, seen)]
        metadata += [
            dict(zip(("name", "version"), it.split("=="), strict=True), requires_dist=kept[it]["requires"])
            for it in kept
        ]
        record = record_of(metadata, roots)
        stale = {key for key, said in kept.items() if set(record[key]["extras"]) - set(said["extras"])}
        if not stale:
            return record
        kept = {key: said for key, said in kept.items() if key not in stale}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(renewed(json.loads(RECORD.read_text())), indent=1) + "\n")
