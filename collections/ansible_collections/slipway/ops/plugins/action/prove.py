# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of slipway.ops.prove: ask as a client does, and compare with what the host has recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.slipway.ops.plugins.module_utils import web
from ansible_collections.slipway.ops.plugins.module_utils.session import CA_VARIABLES, environment
from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished

# Answers are judged here by the rule by which the engine judges those of a candidate.
sys.path.append(str(Path(__file__).parents[6] / "releasectl" / "src"))

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

OLDER = "the host's releasectl does not say what to expect. Converge the host first: ansible-playbook site.yml"
NOTHING = "the live release has neither a version path nor golden requests to be known by. See release_gates"
HINT = "What the host itself says: ansible-playbook playbooks/status.yml"


class ActionModule(EngineAction):
    SPEC: ClassVar[dict[str, Any]] = {
        "service": {"type": "str", "default": "inference"},
        "url": {"type": "str", "required": True},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "ca_path": {"type": "path"},
        "timeout_s": {"type": "float", "default": 10.0},
    }

    def act(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "What a check would make live cannot be asked."}
        if not HAS_RELEASECTL:
            raise failed(args, f"{missing_required_lib('releasectl')} It is in the repository of this collection.")
        status = self.ask(args["service"], "status")
        if status["code"] != 0:
            return finished(status)
        live, doc = status["live"], status.get("gates")
        if not doc:
            raise failed(args, OLDER if "gates" not in status else " ".join(status["troubles"]) or "nothing is live")
        version, gates = live["release"]["version"], read_gates(Fields(doc, "gates"))
        # While a rollout or a canary goes on, answers may be the candidate's.
        judged = not status["changing"]
        said = answers(args, questions(gates, version, judged))
        if not said:
            raise failed(args, NOTHING)
        what = f"{version}, as recorded" if judged else "a rollout goes on: the answers were not compared"
        message = f"{said[0]} ({what}; golden requests: {len(gates.golden)})"
        return {"changed": False, "version": version, "message": message, "report": [f"{host}: {message}"]}


def questions(gates: Gates, version: str, judged: bool) -> list[tuple[str, Golden]]:
    """All that is asked, by what it is called. Not `judged`: an answer only has to have the right status."""
    asked = [(f"golden request {it.name!r}", it) for it in gates.golden]
    if gates.version_path:
        asked.append(("the version", Golden("version", gates.version_path, "GET", expect={"version": version})))
    return [
        (what, replace(it, expect=it.expect if judged else None, headers=_headers(gates, it))) for what, it in asked
    ]


def _headers(gates: Gates, golden: Golden) -> tuple[Header, ...]:
    """Those of every request and the golden one's own; through the edge, which sets Host and the like."""
    common = {it.name.lower(): it for it in gates.headers if it.name.lower() not in EDGE_OWNED}
    return tuple((common | {it.name.lower(): it for it in golden.headers}).values())


def answers(args: dict[str, Any], asked: list[tuple[str, Golden]]) -> list[str]:
    """What a person may read of each answer. Raises AnsibleActionFail with the first that is wrong."""
    secrets = {name: str(value) for name, value in args["secrets"].items()}
    redact = redactor(secrets.values())
    said = []
    # An explicit bundle wins over the environment's.
    verify = args["ca_path"] or environment(*CA_VARIABLES) or True
    for what, golden in asked:
        try:
            answer = web.request(
                golden.method, args["url"].rstrip("/") + golden.path, verify, json=golden.body,
                headers=headers_of(golden.headers, secrets), allow_redirects=False, timeout=args["timeout_s"],
            )  # fmt: skip
        except KeyError as lacking:
            raise failed(args, f"{what} wants the secret {lacking.args[0]}, and it was not given") from None
        except web.WebError as error:
            raise failed(args, str(error)) from None
        problem = golden_problem(golden, Reply(answer.status_code, answer.text), redact)
        if problem:
            raise failed(args, f"{what}: {problem}")
        said.append(f"{answer.url} answers {redact(answer.text)}")
    return said


def failed(args: dict[str, Any], cause: str) -> AnsibleActionFail:
    return AnsibleActionFail(f"Failed to prove {args['url']}: {cause}\n{HINT}")
