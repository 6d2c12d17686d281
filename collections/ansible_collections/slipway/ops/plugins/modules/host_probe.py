#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Read packages, units, files and the results of commands
description:
  - Reads from a host what M(slipway.ops.drift_info) compares with the desired state of the roles, in one call.
  - Writes nothing, also outside check mode, if the commands do not.
options:
  packages:
    description: Names of Debian packages.
    type: list
    elements: str
    default: []
  units:
    description: Names of systemd units. With C(*), C(?) or C([]), the loaded ones that match.
    type: list
    elements: str
    default: []
  files:
    description: Paths.
    type: list
    elements: str
    default: []
  commands:
    description: Name → command with its arguments, as a list.
    type: dict
    default: {}
attributes:
  action:
    description: Whether an action plugin of the same name does the work.
    support: none
  async:
    description: Whether it can run with the keyword C(async).
    support: full
  check_mode:
    description: Whether it predicts its result in check mode and changes nothing.
    support: full
  diff_mode:
    description: Whether it returns what changes, or would change, as C(diff).
    support: none
author: [Slipway (@slipway)]
"""

EXAMPLES = r"""
- name: Read the state of HAProxy
  slipway.ops.host_probe:
    packages: [haproxy]
    units: [haproxy.service]
    files: [/etc/haproxy/haproxy.cfg]
"""

RETURN = r"""
packages:
  description: Those of the packages that are completely installed.
  type: list
  elements: str
  returned: always
  sample: [haproxy]
units:
  description: Unit → whether it is started and enabled, and whether systemd has loaded an older version of it.
  type: dict
  returned: always
  sample: {haproxy.service: {started: true, enabled: true, outdated: false}}
files:
  description: Path → SHA-256 of the content (or C(directory), C(other), C(unreadable)), mode, owner and group.
  type: dict
  returned: always
  sample: {/etc/haproxy: directory 0755 root root}
commands:
  description:
    - Name → exit code (126 when it cannot be started, 127 when there is no such command, 124 when it takes more than a
      minute) and the JSON that it printed, if it did.
  type: dict
  returned: always
  sample: {firewall: {rc: 0, json: null}}
codename:
  description: Code name of the distribution.
  type: str
  returned: always
  sample: bookworm
"""

import grp  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import pwd  # noqa: E402
import shlex  # noqa: E402
import stat  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

TIMEOUT_S = 60
UNIT_PROPERTIES = "Names,ActiveState,UnitFileState,NeedDaemonReload"
# As a shell and timeout(1) report them.
CANNOT_START = 126
NOT_FOUND = 127
TIMED_OUT = 124


def probe(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "packages": packages(request["packages"]),
        "units": units(request["units"]),
        "files": {path: description for path in request["files"] if (description := file(path))},
        "commands": {name: command(argv) for name, argv in request["commands"].items()},
        "codename": codename(Path("/etc/os-release").read_text()),
    }


def run(*argv: str) -> tuple[int, str]:
    """Exit code and standard output."""
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False,
            timeout=TIMEOUT_S, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        return NOT_FOUND, ""
    except OSError:
        return CANNOT_START, ""
    except subprocess.TimeoutExpired:
        return TIMED_OUT, ""
    return done.returncode, done.stdout.decode(errors="replace")


def command(argv: list[str]) -> dict[str, Any]:
    rc, stdout = run(*argv)
    try:
        return {"rc": rc, "json": json.loads(stdout)}
    except ValueError:
        return {"rc": rc, "json": None}


def packages(names: list[str]) -> list[str]:
    """Those that are completely installed."""
    if not names:
        return []
    lines = run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names)[1].splitlines()
    return [line.partition(" ")[0] for line in lines if line.endswith(" installed")]


def units(names: list[str]) -> dict[str, dict[str, bool]]:
    if not names:
        return {}
    blocks = run("systemctl", "show", f"--property={UNIT_PROPERTIES}", *names)[1].split("\n\n")
    states = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]
    return {
        name: {
            "started": state.get("ActiveState") == "active",
            "enabled": state.get("UnitFileState") == "enabled",
            "outdated": state.get("NeedDaemonReload") == "yes",
        }
        for state in states
        for name in state.get("Names", "").split()
    }


def file(path: str) -> str:
    """Checksum (or kind), mode, owner and group; empty when the path does not exist."""
    try:
        status = os.lstat(path)
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "other"
        if stat.S_ISREG(status.st_mode):
            kind = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return "unreadable"
    owner = name_of(pwd.getpwuid, status.st_uid)
    group = name_of(grp.getgrgid, status.st_gid)
    return f"{kind} {stat.S_IMODE(status.st_mode):04o} {owner} {group}"


def name_of(entry: Callable[[int], Any], number: int) -> str:
    try:
        return str(entry(number)[0])
    except KeyError:
        return str(number)


def codename(os_release: str) -> str:
    words = dict(word.split("=", 1) for word in shlex.split(os_release, comments=True) if "=" in word)
    return words.get("VERSION_CODENAME", "?")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str", "default": []},
            "commands": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **probe(module.params))


if __name__ == "__main__":
    main()
