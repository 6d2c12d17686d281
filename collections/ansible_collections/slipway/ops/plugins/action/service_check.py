# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.service_check: request as a client does, and compare with the host's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.slipway.ops.plugins.module_utils import web
from ansible_collections.slipway.ops.plugins.module_utils.session import (
    CA_VARIABLES,
    RegistryError,
    Session,
    environment,
)
from ansible_collections.slipway.ops.plugins.modules import service_check
from ansible_collections.slipway.ops.plugins.plugin_utils.releasectl import ReleasectlAction, task_result
from ansible_collections.slipway.ops.plugins.plugin_utils.secret_store import SecretError, resolved

# Replies are judged by the engine's own rules. tools/bootstrap puts it on the path.
try:
    from releasectl.documents.fields import Fields
    from releasectl.documents.release_fields import read_gates
    from releasectl.model.model import EDGE_OWNED, Gates, Golden, Header
    from releasectl.rollout.gates import golden_problem, headers_of
    from releasectl.rollout.redact import redactor
    from releasectl.startup.fast_dataclass import replace
    from releasectl.startup.http_client import Reply
except ImportError:
    HAS_RELEASECTL = False
else:
    HAS_RELEASECTL = True

OUTDATED = (
    "the host's releasectl does not report the checks. Converge the host first: ansible-playbook site.yml --limit HOST"
)
NO_CHECKS = "the live release has neither a version path nor golden requests to compare with. See release_gates"
HINT = "For the host's own view: ansible-playbook playbooks/status.yml"


class ActionModule(ReleasectlAction):
    MODULE = service_check

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "Skipped in check mode: nothing was deployed to test."}
        if not HAS_RELEASECTL:
            raise failed(args, f"{missing_required_lib('releasectl')} Run tools/bootstrap, which installs it.")
        status = self.run_json(args["service"], "status")
        if status["code"] != 0:
            return task_result(status)
        live, doc = status["live"], status.get("gates")
        if not doc:
            raise failed(args, OUTDATED if "gates" not in status else " ".join(status["troubles"]) or "nothing is live")
        version, gates = live["release"]["version"], read_gates(Fields(doc, "gates"))
        # During a rollout or a canary, replies may be the candidate's.
        comparable = not status["changing"]
        named = checks(gates, version, comparable)
        replies = run_checks({**args, "secrets": secrets_for(named, args)}, named)
        if not replies:
            raise failed(args, NO_CHECKS)
        scope = f"{version}, as recorded" if comparable else "a rollout is running: the replies were not compared"
        message = f"{replies[0]} ({scope}; golden requests: {len(gates.golden)})"
        return {"changed": False, "version": version, "message": message, "report": [f"{host}: {message}"]}


def checks(gates: Gates, version: str, comparable: bool) -> list[tuple[str, Golden]]:
    """Name and request of each check. Unless `comparable`, a reply only needs to have the right status."""
    named = [(f"golden request {it.name!r}", it) for it in gates.golden]
    if gates.version_path:
        named.append(("the version", Golden("version", gates.version_path, "GET", expect={"version": version})))
    return [
        (name, replace(it, expect=it.expect if comparable else None, headers=_headers(gates, it))) for name, it in named
    ]


def _headers(gates: Gates, golden: Golden) -> tuple[Header, ...]:
    """The headers of every request and the golden request's own, without those that HAProxy sets."""
    common = {it.name.lower(): it for it in gates.headers if it.name.lower() not in EDGE_OWNED}
    return tuple((common | {it.name.lower(): it for it in golden.headers}).values())


def secrets_for(named: list[tuple[str, Golden]], args: dict[str, Any]) -> dict[str, Any]:
    """The given secrets; of references, those that a header names, with their values. Raises AnsibleActionFail."""
    used = {header.secret for _name, golden in named for header in golden.headers}
    given = {name: value for name, value in args["secrets"].items() if name in used or not isinstance(value, Mapping)}
    try:
        return resolved(Session.of(args["aws"]), given, f"{args['service']}.secrets")[0]
    except (SecretError, RegistryError) as error:
        raise failed(args, str(error)) from None


def run_checks(args: dict[str, Any], named: list[tuple[str, Golden]]) -> list[str]:
    """One sentence about each reply. Raises AnsibleActionFail at the first wrong reply."""
    secrets = {name: str(value) for name, value in args["secrets"].items()}
    redact = redactor(secrets.values())
    replies = []
    # An explicit bundle wins over the environment's.
    verify = args["ca_path"] or environment(*CA_VARIABLES) or True
    for name, golden in named:
        try:
            reply = web.request(
                golden.method, args["url"].rstrip("/") + golden.path, verify, json=golden.body,
                headers=headers_of(golden.headers, secrets), allow_redirects=False, timeout=args["timeout_s"],
            )  # fmt: skip
        except KeyError as missing:
            raise failed(args, f"{name} needs the secret {missing.args[0]}, which was not given") from None
        except web.WebError as error:
            raise failed(args, str(error)) from None
        problem = golden_problem(golden, Reply(reply.status_code, reply.text), redact)
        if problem:
            raise failed(args, f"{name}: {problem}")
        replies.append(f"{reply.url} answers {redact(reply.text)}")
    return replies


def failed(args: dict[str, Any], cause: str) -> AnsibleActionFail:
    return AnsibleActionFail(f"Failed to check {args['url']}: {cause}\n{HINT}")
