"""Controller side of slipway.ops.release: resolve the version to a digest here, then one call on the host."""

from __future__ import annotations

import getpass
import re
import socket
from contextlib import nullcontext
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.slipway.ops.plugins.module_utils import registry
from ansible_collections.slipway.ops.plugins.plugin_utils.progress import follow

VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


class ActionModule(ActionBase):
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        self._check_version(args.get("version"))
        args.update(self._resolve(args))
        # It was for the controller alone: no host needs a key of AWS.
        args.pop("aws", None)
        args.setdefault("by", f"{getpass.getuser()}@{socket.gethostname()}")
        name = (task_vars or {}).get("inventory_hostname", "")

        def say(line: str) -> None:
            # Not on stdout: a callback may be writing a document there.
            Display().display(f"{name} | {line}", stderr=True)

        with (
            nullcontext() if self._task.check_mode else follow(self._connection, args.get("service", "inference"), say)
        ):
            return dict(self._execute_module(module_name="slipway.ops.release", module_args=args, task_vars=task_vars))

    @staticmethod
    def _check_version(version: Any) -> None:
        if not isinstance(version, str) or not VERSION.fullmatch(version):
            raise AnsibleActionFail(
                f"{version!r} is not a version: it must look like v1.4.2 or v1.4.2-rc.1 (never 'latest'). "
                "It was set by -e version=… or release_version in inventory/<env>/group_vars."
            )

    @staticmethod
    def _resolve(args: dict[str, Any]) -> dict[str, Any]:
        """Image and pull account; or the reason why they are not known, for the host may know the version itself."""
        where = {name: args.get(name) for name in ("registry", "repository", "version")}
        missing = [name for name, value in where.items() if not value]
        if missing:
            raise AnsibleActionFail(f"slipway.ops.release needs: {', '.join(missing)}")
        session = registry.Session.of(args.get("aws"))
        try:
            auth = registry.credentials(session)
            digest = registry.digest(session, auth, **where)
        except registry.RegistryError as error:
            return {"image": None, "registry_auth": None, "resolve_error": str(error)}
        except registry.NotInRegistry:
            there = ", ".join(registry.versions(session, auth, where["registry"], where["repository"])) or "none"
            raise AnsibleActionFail(
                f"Failed to resolve {where['version']}: {where['registry']}/{where['repository']} has no such version. "
                f"It has: {there}. Build it first: ansible-playbook playbooks/build.yml -e version={where['version']}"
            ) from None
        return {
            "image": f"{where['registry']}/{where['repository']}@{digest}",
            "registry_auth": {"username": auth.username, "password": auth.password},
        }
