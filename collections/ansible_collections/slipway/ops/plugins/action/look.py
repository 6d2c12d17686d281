"""Controller side of slipway.ops.look: say what is wanted, ask the host once, compare."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.slipway.ops.plugins.plugin_utils import look_on_host

DEFAULT_MODE = "0644"
ABSENT = ""


class Variables(dict[str, Any]):
    """For the template lookup, which copies all variables of a host before each template, most of its time."""

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return dict(self)


class ActionModule(ActionBase):
    _requires_connection = True

    SPEC: ClassVar[dict[str, Any]] = {
        "packages": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "dict", "default": []},
        "templates": {"type": "list", "elements": "dict", "default": []},
        "copies": {"type": "list", "elements": "dict", "default": []},
        "folders": {"type": "list", "elements": "dict", "default": []},
        "paths": {"type": "list", "elements": "str", "default": []},
        "absent": {"type": "list", "elements": "str", "default": []},
        "commands": {"type": "dict", "default": {}},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(argument_spec=self.SPEC)
        files = self._files(args, task_vars or {})
        there = self._ask(
            {
                "packages": args["packages"],
                "units": [unit["name"] for unit in args["units"]],
                "files": list(files),
                "commands": args["commands"],
            },
            task_vars or {},
        )
        found = differences(args["packages"], args["units"], files, there)
        return {"changed": False, **there, **found, "differs": any(found.values())}

    def _files(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, str | None]:
        """Path → how it has to look (None: it only has to be there; ABSENT: it must not be)."""
        render = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        variables = Variables(task_vars)
        files: dict[str, str | None] = {**dict.fromkeys(args["paths"]), **dict.fromkeys(args["absent"], ABSENT)}
        for item in args["templates"]:
            text = render.run([item.get("src", item["path"].lstrip("/"))], variables=variables)[0]
            files[item["path"]] = described(checksum(str(text).encode()), item)
        for item in args["copies"]:
            source = Path(self._find_needle("files", item["src"]))
            files[item["path"]] = described(checksum(source.read_bytes()), item)
        for item in args["folders"]:
            files[item["path"]] = described("folder", item)
        return files

    def _ask(self, request: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        python = constants.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars)
        text = Path(look_on_host.__file__).read_text()
        program = f"{text}\nimport json\nprint(json.dumps(look(json.loads({json.dumps(request)!r}))))\n"
        done = self._low_level_execute_command(f"{python} -I -", in_data=program.encode())
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


def differences(
    packages: list[str], units: list[dict[str, Any]], files: dict[str, str | None], there: dict[str, Any]
) -> dict[str, list[str]]:
    """Names of what is not as wanted: packages, units, files."""
    return {
        "packages": [name for name in packages if name not in there["packages"]],
        "units": [unit["name"] for unit in units if not in_order(unit, there["units"].get(unit["name"], {}))],
        "files": [path for path, wanted in files.items() if not as_wanted(wanted, there["files"].get(path, ABSENT))],
    }


def as_wanted(wanted: str | None, seen: str) -> bool:
    return seen != ABSENT if wanted is None else seen == wanted


def in_order(unit: dict[str, Any], state: dict[str, bool]) -> bool:
    return state.get("enabled", False) and (unit.get("state") != "started" or state.get("started", False))
