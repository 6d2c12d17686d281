"""A role's public face: what it documents is what it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
# Their tasks are all static, for --list-tasks, --skip-tags and --start-at-task.
ON_HOSTS = ("baseline", "docker", "engine", "backup", "edge", "tls", "release", "upgrade")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) or {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestRole:
    def test_specs_and_defaults_have_the_same_keys_and_values(self, role: Path) -> None:
        specs = load(role / "meta" / "argument_specs.yml")["argument_specs"]
        defaults = load(role / "defaults" / "main.yml")
        options: dict[str, Any] = {}
        for entry in specs.values():
            options |= entry.get("options", {})
        documented = {name: option.get("default") for name, option in options.items() if "default" in option}
        assert documented == defaults
        assert set(options) == set(defaults), "a variable without a default is not documented in one place"

    def test_public_names_carry_the_role_s_name(self, role: Path) -> None:
        for name in load(role / "defaults" / "main.yml"):
            assert name.startswith(f"{role.name}_")

    def test_private_names_are_marked(self, role: Path) -> None:
        if (role / "vars" / "main.yml").exists():
            names = set(load(role / "vars" / "main.yml")) - {f"{role.name}_state"}
            assert all(name.startswith(f"_{role.name}_") for name in names)

    def test_handlers_of_items_are_notified_when_another_item_fails(self, role: Path) -> None:
        """A loop with a failed item notifies nobody; and a changed item notifies the handlers of all items."""
        if role.name not in ON_HOSTS:
            return
        lists = [value for value in load(role / "vars" / "main.yml").values() if isinstance(value, list)]
        files = [file for value in lists for file in value if isinstance(file, dict)]
        handlers = {file["handler"] for file in files if "handler" in file}
        known = load(role / "handlers" / "main.yml") if handlers else []
        assert handlers <= {name for handler in known for name in (handler["name"], handler.get("listen"))}
        tasks = [task for path in (role / "tasks").glob("*.yml") for task in load(path)]
        blocks = [task for task in tasks if "block" in task]
        for task in tasks + [it for block in blocks for it in block["block"]]:
            assert "loop" not in task or "notify" not in task, task["name"]
        loops = [it["loop"] for block in blocks for it in block.get("always", []) if it.get("notify") == "{{ item }}"]
        name = f"_{role.name}_handlers"
        assert loops == ([f"{{{{ {name} }}}}"] if name in load(role / "vars" / "main.yml") else []), (
            "who notifies them?"
        )
        assert not handlers or loops

    def test_main_of_a_role_with_phases_only_imports(self, role: Path) -> None:
        if len(list((role / "tasks").glob("*.yml"))) < 3:
            return
        for task in load(role / "tasks" / "main.yml"):
            static = {"ansible.builtin.import_tasks", "ansible.builtin.import_role"}
            assert (static if role.name in ON_HOSTS else {*static, "ansible.builtin.include_tasks"}) & set(task), task

    def test_every_variable_has_its_comment(self, role: Path) -> None:
        lines = (role / "defaults" / "main.yml").read_text().splitlines()
        block_has_comment = False
        for line in lines:
            if not line.strip():
                block_has_comment = False
            elif line.startswith("#"):
                block_has_comment = True
            elif line[0].isalpha():
                assert block_has_comment, f"{role.name}: {line}"
