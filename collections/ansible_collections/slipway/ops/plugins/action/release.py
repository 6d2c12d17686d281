# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.release: resolve the version to a digest here, then one command on the host."""

from __future__ import annotations

import getpass
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.slipway.ops.plugins.module_utils import options
from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished
from ansible_collections.slipway.ops.plugins.plugin_utils.lost import outcome
from ansible_collections.slipway.ops.plugins.plugin_utils.once import Once

VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
REQUEST_KEYS = ("version", "env", "secrets", "options", "gates", "model_version", "reason", "by", "strategy")

# All hosts of a run get the same image, whatever becomes of the tag meanwhile.
RESOLVED = Once()
# What became of the further tag.
KEPT = Once()


class ActionModule(EngineAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "default": "inference"},
        "version": {"type": "str", "required": True},
        "registry": {"type": "str", "required": True},
        "repository": {"type": "str", "required": True},
        "aws": options.AWS,
        "env": {"type": "dict", "default": {}},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "options": {"type": "dict", "default": {}},
        "gates": {"type": "dict", "default": {}},
        "strategy": {"type": "str", "choices": ["blue_green", "canary", "stop_first"]},
        "canary": {"type": "dict", "default": {}},
        "prefetch": {"type": "bool", "default": False},
        "kept_as": {"type": "str", "default": ""},
        "model_version": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "by": {"type": "str"},
    }

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        _check(args)
        # The registry is asked while the connection to the host is opened.
        with ThreadPoolExecutor(1) as pool:
            resolving = pool.submit(_resolve, args)
            since = self.clock()
            resolved, kept, error = resolving.result()
        if self._task.check_mode and since is None:
            # A host that was never converged: everything would be new.
            after = {"version": args["version"], "image": resolved["image"]}
            diff = {"before": "", "after": json.dumps(after, indent=2) + "\n"}
            result: dict[str, Any] = {"changed": True, "outcome": "would_change", "code": 0, "phases": [], "diff": diff}
            result["message"] = f"{args['version']} would go live"
            return {**result, "report": report(host, result, args["model_version"])}
        if args["prefetch"]:
            if error:
                raise AnsibleActionFail(error)
            command, request = "prefetch", resolved
        else:
            by = args["by"] or f"{getpass.getuser()}@{socket.gethostname()}"
            command, request = "deploy", {**{key: args[key] for key in REQUEST_KEYS}, **resolved, "by": by}
            if args["strategy"] == "canary":
                request["canary"] = args["canary"]
        words: tuple[str, ...] = (command, "--request", "-", *(["--dry-run"] if self._task.check_mode else []))
        try:
            with self.telling(args["service"], host):
                result = self.ask(args["service"], *words, document=request)
        except AnsibleConnectionFailure:
            found = None if command == "prefetch" else outcome(self.ask, args["service"], args["version"], since or "")
            if found is None:
                raise
            result = found
        if result["code"] != 0 and error:
            result["message"] = f"{error}\n{result.get('message', '')}"
        if command == "deploy" and result["code"] == 0 and not (self._task.check_mode or kept or error):
            result["warnings"] = [*(result.get("warnings") or []), *_keep(args, resolved)]
        return {**finished(result), "report": report(host, result, args["model_version"])}


def _check(args: dict[str, Any]) -> None:
    if not VERSION.fullmatch(args["version"]):
        raise AnsibleActionFail(
            f"{args['version']!r} is not a version: it must look like v1.4.2 or v1.4.2-rc.1 (never 'latest'). "
            "It was set by -e version=… or release_version in inventory/<env>/group_vars."
        )
    missing = [f"release_{name}" for name in ("registry", "repository") if not args[name]]
    if missing:
        raise AnsibleActionFail(f"{' and '.join(missing)} must not be empty. Set it in inventory/<env>/group_vars.")


def _resolve(args: dict[str, Any]) -> tuple[dict[str, Any], bool, str]:
    """
    Image and pull account, and whether the image has its further tag; or the reason why they are not known, for the
    host may know the version itself.
    """
    question = {name: args[name] for name in ("registry", "repository", "version", "kept_as", "aws")}
    image, auth, kept, error = RESOLVED.get(question, lambda: _ask_registry(args))
    return {"image": image, "registry_auth": auth}, kept, error


def _ask_registry(args: dict[str, Any]) -> tuple[str | None, dict[str, str] | None, bool, str]:
    # Here, for boto3 takes as long to import as the connection to open.
    from ansible_collections.slipway.ops.plugins.module_utils import registry
    from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session

    session = Session.of(args["aws"])
    where = {name: args[name] for name in ("registry", "repository", "version")}
    try:
        auth = registry.credentials(session)
        digest = registry.digest(session, auth, **where)
        kept = not args["kept_as"] or registry.is_tagged(session, auth, **{**where, "version": args["kept_as"]})
    except RegistryError as error:
        return None, None, False, str(error)
    except registry.NotInRegistry:
        there = ", ".join(registry.versions(session, auth, where["registry"], where["repository"])) or "none"
        raise AnsibleActionFail(
            f"Failed to resolve {where['version']}: {where['registry']}/{where['repository']} has no such version. "
            f"It has: {there}. Build it first: ansible-playbook playbooks/build.yml -e version={where['version']}"
        ) from None
    image = f"{where['registry']}/{where['repository']}@{digest}"
    return image, {"username": auth.username, "password": auth.password}, kept, ""


def _keep(args: dict[str, Any], resolved: dict[str, Any]) -> list[str]:
    """Give the image its further tag, once for all hosts. What went live stays so without it: that is a warning."""
    image, tag = resolved["image"], args["kept_as"]

    def ask() -> list[str]:
        from ansible_collections.slipway.ops.plugins.module_utils import registry
        from ansible_collections.slipway.ops.plugins.module_utils.session import RegistryError, Session

        session, auth = Session.of(args["aws"]), registry.Credentials(**resolved["registry_auth"])
        try:
            registry.keep(session, auth, image, tag)
        except RegistryError as error:
            what = f"{args['version']} is live, and its image could not be given the tag {tag}"
            return [f"{what}: the registry may expire it one day. The next run tries again. {error}"]
        return []

    return list(KEPT.get({"image": image, "tag": tag}, ask))


def report(host: str, result: dict[str, Any], model_version: str | None) -> list[str]:
    """What a person wants to know at the end."""
    release, previous, phases = (result.get(key) or {} for key in ("release", "previous", "phases"))
    live = result.get("outcome") == "live"
    what, took = str(result.get("message") or result.get("outcome")), ""
    if live:
        what = f"{previous.get('version', 'nothing')} → {release.get('version')}"
        what += f" with model {model_version} is live" if model_version else " is live"
        took = f"{sum(phase['seconds'] for phase in phases):.2f} s: "
        took += " · ".join(f"{phase['name']} {phase['seconds']:.2f}" for phase in phases)
    back = result.get("rollback")
    lines = (f"{host}: {what}", release.get("digest"), took, f"rollback {back}" if back else "")
    return [line for line in lines if line]
