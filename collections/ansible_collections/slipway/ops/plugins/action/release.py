# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.release: one command on the host."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.slipway.ops.plugins.modules import release
from ansible_collections.slipway.ops.plugins.plugin_utils.lost import outcome
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import ReleasectlAction, task_result
from ansible_collections.slipway.ops.plugins.plugin_utils.versions import check_version

# As releasectl ends for a version without a record where no image is named, and for an image that cannot be had.
USAGE, NOT_OBTAINABLE = 2, 5
REQUEST_KEYS = (
    "version",
    "env",
    "secrets",
    "options",
    "gates",
    "model_version",
    "reason",
    "strategy",
)


class ActionModule(ReleasectlAction):
    MODULE = release

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self.variables = task_vars or {}
        return super().run(tmp, task_vars)

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        check_version(args["version"])
        if unread := [name for name, value in args["secrets"].items() if isinstance(value, Mapping)]:
            raise AnsibleActionFail(
                f"Failed to deploy: the secrets {', '.join(unread)} are references, which this run did not read. "
                "Run the playbook without --start-at-task and --skip-tags, or read them by slipway.ops.secret_info."
            )
        since = self.host_time()
        unfetched = self._fetch_model(args) if args["model"] and since and not self._task.check_mode else None
        if unfetched:
            return unfetched
        if self._task.check_mode and since is None:
            result = clean_host(args)
        elif args["prefetch"]:
            result = self._prefetch(args, host)
        else:
            result = self._deploy(args, host, since or "")
        if result["code"] != 0 and args["image_error"]:
            result["message"] = f"{args['image_error']}\n{result.get('message', '')}"
            if result["code"] == USAGE:
                # Its own hint is for a person on the host: to name the image.
                cause = f"{args['version']} is not recorded on the host, so it cannot be deployed without the registry"
                result |= {"cause": cause, "hint": ""}
        return {**task_result(result), "report": report(host, result, args["model_version"])}

    def _fetch_model(self, args: dict[str, Any]) -> dict[str, Any] | None:
        """Put the model on the host, unless it is there. Returns the task's result if it fails."""
        model = args["model"]
        if self.has_directory(f"{model['path']}/{model['manifest']['name']}/{model['manifest']['version']}"):
            return None
        done = self._execute_module(module_name="slipway.ops.model_fetch", module_args=model, task_vars=self.variables)
        if not done.get("failed"):
            return None
        return {"changed": False, "failed": True, "outcome": "refused", "code": NOT_OBTAINABLE, "msg": done["msg"]}

    def _prefetch(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        if not args["image"]:
            raise AnsibleActionFail(args["image_error"] or "Failed to prefetch: the option image is empty.")
        return self._request(args, host, "prefetch", image(args))

    def _deploy(self, args: dict[str, Any], host: str, since: str) -> dict[str, Any]:
        by = args["by"] or f"{getpass.getuser()}@{socket.gethostname()}"
        request = {**{key: args[key] for key in REQUEST_KEYS}, **image(args), "by": by}
        if args["secret_versions"]:
            request["secret_versions"] = args["secret_versions"]
        if args["strategy"] == "canary":
            request["canary"] = args["canary"]
        if args["forward_only"]:
            request["forward_only"] = True
        if args["inventory_version"] is not None:
            request["inventory_version"] = args["inventory_version"]
        try:
            return self._request(args, host, "deploy", request)
        except AnsibleConnectionFailure:
            result = outcome(self.run_json, args["service"], args["version"], since)
            if result is None:
                raise
            return result

    def _request(self, args: dict[str, Any], host: str, command: str, request: dict[str, Any]) -> dict[str, Any]:
        dry_run = ("--dry-run",) if self._task.check_mode else ()
        with self.stream_progress(args["service"], host):
            return self.run_json(args["service"], command, "--request", "-", *dry_run, document=request)


def image(args: dict[str, Any]) -> dict[str, Any]:
    """The part of a request that says what to pull, and by which account."""
    return {"image": args["image"] or None, "registry_auth": args["registry_auth"] or None}


def clean_host(args: dict[str, Any]) -> dict[str, Any]:
    """The result in check mode for a host that was never converged: everything would be new."""
    after = {"version": args["version"], "image": args["image"] or None}
    return {
        "changed": True,
        "outcome": "would_change",
        "code": 0,
        "phases": [],
        "diff": {"before": None, "after": after},
        "message": f"{args['version']} would go live",
    }


def report(host: str, result: dict[str, Any], model_version: str | None) -> list[str]:
    """The summary for people."""
    release, previous, phases = (result.get(key) or {} for key in ("release", "previous", "phases"))
    summary, timings = str(result.get("message") or result.get("outcome")), ""
    if result.get("outcome") == "live":
        summary = f"{previous.get('version', 'nothing')} → {release.get('version')}"
        summary += f" with model {model_version} is live" if model_version else " is live"
        timings = f"{sum(phase['seconds'] for phase in phases):.2f} s: "
        timings += " · ".join(f"{phase['name']} {phase['seconds']:.2f}" for phase in phases)
    rollback = result.get("rollback")
    lines = (f"{host}: {summary}", release.get("digest"), timings, f"rollback {rollback}" if rollback else "")
    return [line for line in lines if line]
