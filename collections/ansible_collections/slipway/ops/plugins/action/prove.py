"""Controller side of slipway.ops.prove: ask as a client does, and compare with what the host has recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import requests
from ansible.errors import AnsibleActionFail
from ansible_collections.slipway.ops.plugins.plugin_utils.engine import EngineAction, finished

# Answers are judged here by the rule by which the engine judges those of a candidate.
sys.path.append(str(Path(__file__).parents[6] / "releasectl" / "src"))

from releasectl.core.match import mismatch

OLDER = "the host's releasectl does not say what to expect. Converge the host first: ansible-playbook site.yml"
# Of an answer that a message quotes.
QUOTED = 400


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
        status = self.ask(args["service"], "status")
        if status["code"] != 0:
            return finished(status)
        live, gates = status["live"], status.get("gates")
        if not gates:
            why = OLDER if "gates" not in status else " ".join(status["troubles"]) or "nothing is live"
            raise AnsibleActionFail(f"Failed to prove {args['url']}: {why}")
        # While a rollout or a canary goes on, answers may be the candidate's.
        version = None if status["changing"] else live["release"]["version"]
        try:
            with requests.Session() as http:
                http.trust_env = args["ca_path"] is None  # an explicit bundle wins over the environment's
                message = Proof(http, args, version).of(gates)
        except requests.RequestException as error:
            raise AnsibleActionFail(f"Failed to prove {args['url']}: {error}") from None
        return {"changed": False, "version": live["release"]["version"], "message": message}


class Proof:
    """`version`: of the release whose answers are expected; None: they may be of another one, and only have to come."""

    def __init__(self, http: requests.Session, args: dict[str, Any], version: str | None) -> None:
        self.http, self.args, self.version = http, args, version

    def of(self, gates: dict[str, Any]) -> str:
        """What a person wants to read. Raises AnsibleActionFail with the first answer that is not as recorded."""
        said = ""
        path = gates["version_path"]
        if path:
            answer = self.answer("GET", path)
            said = f"{answer.url} answers {answer.text}"
            self.judge(answer, "the version", 200, {"version": self.version} if self.version else None)
        for number, golden in enumerate(gates["golden"]):
            answer = self.answer(golden["method"], golden["path"], golden["body"], self.headers(golden))
            name, expect = f"golden request {golden['name']!r}", golden["expect"] if self.version else None
            self.judge(answer, name, golden["status"], expect, golden["tolerance"])
            said = said if number else f"{answer.url} answers {answer.text}"
        what = f"{self.version}, as recorded" if self.version else "a rollout goes on: the answers were not compared"
        return f"{self.clean(said)} ({what}; golden requests: {len(gates['golden'])})"

    def answer(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        return self.http.request(
            method, self.args["url"].rstrip("/") + path, json=body, headers=headers, allow_redirects=False,
            timeout=self.args["timeout_s"], verify=self.args["ca_path"] or True,
        )  # fmt: skip

    def headers(self, golden: dict[str, Any]) -> dict[str, str]:
        found = {}
        for name, value in (golden.get("headers") or {}).items():
            secret = value["secret"] if isinstance(value, dict) else None
            if secret and secret not in self.args["secrets"]:
                raise self.failed(f"golden request {golden['name']!r} wants the secret {secret}, and it was not given")
            found[name] = str(self.args["secrets"][secret]) if secret else value
        return found

    def judge(self, answer: requests.Response, what: str, status: int, expect: Any, tolerance: float = 0.0) -> None:
        problem = None if answer.status_code == status else f"expected status {status}"
        if not problem and expect is not None:
            try:
                problem = mismatch(expect, answer.json(), tolerance)
            except (requests.JSONDecodeError, RecursionError):
                problem = "expected JSON"
        if problem:
            raise self.failed(f"{what}: {problem}; got {answer.status_code} {answer.text[:QUOTED]}")

    def failed(self, cause: str) -> AnsibleActionFail:
        hint = "What the host itself says: ansible-playbook playbooks/status.yml"
        return AnsibleActionFail(f"Failed to prove {self.args['url']}: {self.clean(cause)}\n{hint}")

    def clean(self, text: str) -> str:
        """Without what is secret: a service may answer with what it was sent."""
        for value in self.args["secrets"].values():
            text = text.replace(str(value), "…") if value else text
        return text
