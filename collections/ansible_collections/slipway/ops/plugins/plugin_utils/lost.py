# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""
The outcome of a rollout whose connection was lost. The engine on the host continues without its client, so a rollout
that is reported as unreachable could still go live there, while the other hosts are rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleConnectionFailure

RunJson = Callable[..., dict[str, Any]]

# Attempts to connect again, and the pause before each (s).
ATTEMPTS = 3
PAUSE_S = 2.0
# The longest that a rollout is waited for (s): the deadlines of its phases together, docs/architecture.md.
DEADLINE_S = 900.0
FAILED = 3


def outcome(run_json: RunJson, service: str, version: str, since: str) -> dict[str, Any] | None:
    """
    The engine's result as far as its history has it; None: it has not begun, or the host cannot be reached. `run_json`:
    that of a ReleasectlAction; `since`: the host's time before the rollout.
    """
    deadline, failures = time.monotonic() + DEADLINE_S, 0
    while time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        try:
            status = run_json(service, "status")
            if status.get("changing"):
                failures = 0
                continue
            entries = run_json(service, "history", "-n", "1").get("releases", [])
            return _result(status, entries[0] if entries else {}, version, since)
        except AnsibleConnectionFailure:
            failures += 1
            if failures == ATTEMPTS:
                return None
    return None


def _result(status: dict[str, Any], entry: dict[str, Any], version: str, since: str) -> dict[str, Any] | None:
    ours = entry.get("kind") == "deploy" and entry["release"]["version"] == version and entry["started"] >= since
    if ours:
        live, cause = entry["outcome"] == "live", entry.get("cause")
        text = f"{version} is live" if live else f"Failed to deploy {version}: {cause}"
        copied = {key: entry.get(key) for key in ("outcome", "release", "previous", "phases", "cause", "logs")}
        return {
            **copied,
            "code": 0 if live else FAILED,
            "changed": live,
            "message": f"{text} (the connection was lost)",
        }
    release = (status.get("live") or {}).get("release") or {}
    if release.get("version") == version:
        return {"outcome": "unchanged", "code": 0, "changed": False, "message": f"{version} is live already"}
    return None
