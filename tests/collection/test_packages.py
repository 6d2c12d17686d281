"""slipway.ops.packages: apt is asked only for what is missing, and what a check cannot see is a change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.slipway.ops.plugins.action import packages

NO_APT = {"failed": True, "changed": False, "msg": "python3-apt must be installed"}


def install(names: list[str], answer: dict[str, Any], check: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The task's result; `asked`: what apt was given, if it was asked at all."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(ActionBase, "run", lambda *args: {})
    action = packages.ActionModule.__new__(packages.ActionModule)
    action._task = SimpleNamespace(check_mode=check)
    action.validate_argument_spec = lambda argument_spec: (None, {"names": names})

    def execute(name: str, module_args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        assert name == "ansible.builtin.apt"
        asked.append(module_args)
        return answer

    action._execute_module = execute
    return {**action.run(), "asked": asked}


def test_only_what_is_missing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install([], NO_APT, False, monkeypatch) == {"changed": False, "asked": []}
    done = install(["haproxy"], {"changed": True}, False, monkeypatch)
    assert done["changed"]
    assert done["asked"][0]["name"] == ["haproxy"]
    assert "state" not in done["asked"][0], "what is installed stays at its version"


def test_a_failure_is_a_change_in_a_check_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install(["haproxy"], NO_APT, False, monkeypatch)["failed"]
    check = install(["haproxy"], NO_APT, True, monkeypatch)
    assert check["changed"]
    assert "failed" not in check
    assert "python3-apt" in check["msg"]
