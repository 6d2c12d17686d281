# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of a host, one question to it, and what is not as wanted: the controller's side of looking."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.slipway.ops.plugins.plugin_utils import look_on_host

DEFAULT_MODE = "0644"
ABSENT = ""

# What a role may want of a host: the options of slipway.ops.look.
WANTED: dict[str, Any] = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "dict", "default": []},
    "templates": {"type": "list", "elements": "dict", "default": []},
    "copies": {"type": "list", "elements": "dict", "default": []},
    "folders": {"type": "list", "elements": "dict", "default": []},
    "paths": {"type": "list", "elements": "str", "default": []},
    "absent": {"type": "list", "elements": "str", "default": []},
    "commands": {"type": "dict", "default": {}},
}


class Variables(dict[str, Any]):
    """For the template lookup, which copies all variables of a host before each template, most of its time."""

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return dict(self)


class LookingAction(ActionBase):
    """An action that looks at hosts."""

    _requires_connection = True

    def question(self, wanted: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """files: path → how it has to look (None: it only has to be there; ABSENT: it must not be)."""
        render = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        search = variables["ansible_search_path"]
        files: dict[str, str | None] = {**dict.fromkeys(wanted["paths"]), **dict.fromkeys(wanted["absent"], ABSENT)}
        for item in wanted["templates"]:
            seen = Variables({**variables, **item.get("vars", {})})
            text = render.run([item.get("src", item["path"].lstrip("/"))], variables=seen)[0]
            files[item["path"]] = described(checksum(str(text).encode()), item)
        for item in wanted["copies"]:
            source = Path(self._loader.path_dwim_relative_stack(search, "files", item["src"]))
            files[item["path"]] = described(checksum(source.read_bytes()), item)
        for item in wanted["folders"]:
            files[item["path"]] = described("folder", item)
        return {**{name: wanted[name] for name in ("packages", "units", "commands")}, "files": files}

    def ask(self, question: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """What is there: the answer of look_on_host."""
        request = {**question, "units": [unit["name"] for unit in question["units"]], "files": list(question["files"])}
        python = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        text = Path(look_on_host.__file__).read_text()
        program = f"{text}\nimport json\nprint(json.dumps(look(json.loads({json.dumps(request)!r}))))\n"
        done = self._low_level_execute_command(f"{shlex.quote(python)} -I -", in_data=program.encode())
        try:
            answer: dict[str, Any] = json.loads(done["stdout"].strip().splitlines()[-1])
        except (IndexError, ValueError):
            said = done["stderr"].strip()[-2000:] or done["stdout"].strip()[-2000:]
            raise AnsibleActionFail(f"Failed to look at the host: {python} ended with {done['rc']}. {said}") from None
        return answer


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def described(what: str, item: dict[str, Any]) -> str:
    return f"{what} {item.get('mode', DEFAULT_MODE)} root root"


def compared(question: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """What is there, and in place of packages, units and files the names of those that are not as wanted."""
    packages, units, files = there["packages"], there["units"], there["files"]
    found = {
        "packages": [name for name in question["packages"] if name not in packages],
        "units": [it["name"] for it in question["units"] if not in_order(it, units.get(it["name"], {}))],
        "files": [path for path, it in question["files"].items() if not as_wanted(it, files.get(path, ABSENT))],
    }
    return {**there, **found, "differs": any(found.values())}


def as_wanted(wanted: str | None, seen: str) -> bool:
    return seen != ABSENT if wanted is None else seen == wanted


def in_order(unit: dict[str, Any], state: dict[str, bool]) -> bool:
    return state.get("enabled", False) and (unit.get("state") != "started" or state.get("started", False))
