# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's desired state, the probe of a host for it, and the comparison of both. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

DEFAULT_MODE = "0644"
ABSENT = ""
UNIT_FILE = re.compile(r"/etc/systemd/system/([^/]+?)(?:\.d/[^/]+\.conf)?").fullmatch
KINDS = ("packages", "files", "units", "commands")

# What a role's <role>_state may contain; described in the documentation of slipway.ops.drift_info.
STATE: dict[str, Any] = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "packages_by_codename": {"type": "dict", "default": {}},
    "files": {"type": "list", "elements": "dict", "default": []},
    "directories": {"type": "list", "elements": "dict", "default": []},
    "present": {"type": "list", "elements": "str", "default": []},
    "absent": {"type": "list", "elements": "str", "default": []},
    "obsolete": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "dict", "default": []},
    "commands": {"type": "dict", "default": {}},
}

# Path → checksum or kind, mode, owner and group as host_probe prints them; None: anything; ABSENT: nothing.
Paths = dict[str, str | None]
Drift = dict[str, list[str]]


def describe(content: bytes, item: dict[str, Any]) -> str:
    """A file as host_probe describes it. Every file of a role belongs to root."""
    return f"{hashlib.sha256(content).hexdigest()} {item.get('mode', DEFAULT_MODE)} root root"


def describe_directory(item: dict[str, Any]) -> str:
    return f"directory {item.get('mode', '0755')} root root"


def desired_paths(state: dict[str, Any], files: Paths) -> Paths:
    """All paths of a state; `files` are its rendered files."""
    directories: Paths = {item["path"]: describe_directory(item) for item in state["directories"]}
    return {**dict.fromkeys(state["present"]), **dict.fromkeys(state["absent"], ABSENT), **directories, **files}


def probe_request(states: Iterable[tuple[dict[str, Any], Paths]]) -> dict[str, Any]:
    """The arguments of slipway.ops.host_probe for several states; commands are numbered by state."""
    request: dict[str, Any] = {"packages": set(), "units": set(), "files": set(), "commands": {}}
    for number, (state, paths) in enumerate(states):
        request["packages"] |= {
            *state["packages"],
            *(it for names in state["packages_by_codename"].values() for it in names),
        }
        request["units"] |= {*(unit["name"] for unit in state["units"]), *unit_patterns(paths)}
        request["files"] |= set(paths)
        request["commands"] |= {f"{number} {name}": it["argv"] for name, it in state["commands"].items()}
    return {name: sorted(it) if isinstance(it, set) else it for name, it in request.items()}


def compare(number: int, state: dict[str, Any], paths: Paths, host: dict[str, Any]) -> Drift:
    """The names of what is not in the desired state; `host` is the result of slipway.ops.host_probe."""
    packages = [*state["packages"], *state["packages_by_codename"].get(host["codename"], [])]
    results = host["commands"]
    units = [it["name"] for it in state["units"] if not unit_matches(it, host["units"].get(it["name"], {}))]
    return {
        "packages": [name for name in packages if name not in host["packages"]],
        "files": [path for path, it in paths.items() if not path_matches(it, host["files"].get(path, ABSENT))],
        "units": units + [f"{name} (needs daemon-reload)" for name in outdated_units(paths, host)],
        "commands": [
            name for name, it in state["commands"].items() if not command_matches(it, results[f"{number} {name}"])
        ],
    }


def in_sync(paths: Paths, state: dict[str, Any], host: dict[str, Any], found: Drift) -> list[str]:
    """
    The packages, paths and units in the desired state. No path and no unit while a package is missing: its installation
    may write one.
    """
    packages = [*state["packages"], *state["packages_by_codename"].get(host["codename"], [])]
    # The tasks that start the units reload systemd.
    units = [] if outdated_units(paths, host) else [unit["name"] for unit in state["units"]]
    names = [*paths, *units]
    drifted = {*found["files"], *found["units"]}
    clean = [] if found["packages"] else [name for name in names if name not in drifted]
    return [name for name in packages if name not in found["packages"]] + clean


def unit_patterns(paths: Paths) -> list[str]:
    """Patterns of systemctl: the units whose unit file or drop-in is one of the paths; of a template its instances."""
    found = [UNIT_FILE(path) for path, it in paths.items() if it != ABSENT]
    return [it[1].replace("@.", "@*.") for it in found if it]


def outdated_units(paths: Paths, host: dict[str, Any]) -> list[str]:
    """Those that systemd has loaded from an older version of one of the paths."""
    patterns = unit_patterns(paths)
    outdated = [name for name, it in host["units"].items() if it.get("outdated")]
    return [name for name in outdated if any(fnmatchcase(name, pattern) for pattern in patterns)]


def obsolete(state: dict[str, Any], stale: Iterable[str]) -> list[str]:
    """Those of the paths that the role removes."""
    return [path for path in stale if any(fnmatchcase(path, pattern) for pattern in state["obsolete"])]


def path_matches(desired: str | None, actual: str) -> bool:
    return actual != ABSENT if desired is None else actual == desired


def unit_matches(unit: dict[str, Any], actual: dict[str, bool]) -> bool:
    return actual.get("enabled", False) and (unit.get("state") != "started" or actual.get("started", False))


def command_matches(command: dict[str, Any], result: dict[str, Any]) -> bool:
    """By its exit code, and where `json` is given by these keys of its output, too."""
    if result["rc"] != command.get("rc", 0):
        return False
    if "json" not in command:
        return True
    output = result["json"]
    return isinstance(output, dict) and all(output.get(key) == value for key, value in command["json"].items())


def lines(drift: Drift) -> list[str]:
    """One line per item, for people."""
    return [f"{kind.removesuffix('s')} {name}" for kind in KINDS for name in drift[kind]]
