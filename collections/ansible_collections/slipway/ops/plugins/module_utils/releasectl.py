"""One call to releasectl on the host, and what it said. Nothing here decides anything."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

RELEASECTL = "/usr/local/bin/releasectl"


def installed() -> bool:
    return os.access(RELEASECTL, os.X_OK)


def call(module: AnsibleModule, service: str, *words: str, stdin: str | None = None) -> dict[str, Any]:
    """Run releasectl and return its result document; ends the module when there is none."""
    if not installed():
        module.fail_json(
            msg=f"Failed to run {RELEASECTL}: it is not on this host. "
            "Converge the host first: ansible-playbook site.yml"
        )
    argv = [RELEASECTL, "--service", service, *words, "--json"]
    code, out, err = module.run_command(argv, data=stdin)
    lines = out.strip().splitlines()
    try:
        result: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        module.fail_json(msg=f"Failed to {words[0]} {service}: releasectl ended with {code}. {err.strip()[-2000:]}")
    result.setdefault("code", code)
    return result


def finish(module: AnsibleModule, result: dict[str, Any]) -> None:
    """Leave as the result document says; a failure carries its cause, the hint and the last log lines."""
    for side in ("before", "after"):
        document = (result.get("diff") or {}).get(side)
        if document is not None:
            result["diff"][side] = json.dumps(document, indent=2, sort_keys=True) + "\n"
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result["code"] == 0:
        module.exit_json(**{"changed": False, **result})
    text = result.get("message") or f"releasectl ended with {result['code']}"
    cause, hint = result.get("cause") or "", result.get("hint") or ""
    text += "".join(f"\n{part}" for part in (cause, hint) if part and part not in text)
    if result.get("logs"):
        text += "\nThe container's last lines:\n" + "\n".join(f"  {line}" for line in result["logs"])
    module.fail_json(msg=text, **result)
