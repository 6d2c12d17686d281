"""The modules of slipway.ops: their documentation is complete, and is the one statement of their options."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.slipway.ops.plugins.plugin_utils.options import argument_spec

ROOT = Path(__file__).parent.parent.parent
PLUGINS = ROOT / "collections/ansible_collections/slipway/ops/plugins"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
# What runs on the host, where no documentation is read.
ON_HOST = [PLUGINS / "modules" / f"{name}.py" for name in ("host_probe", "model_fetch")]
PATHS = [path for path in MODULES if path not in ON_HOST]


def load(path: Path) -> Any:
    return importlib.import_module(f"ansible_collections.slipway.ops.plugins.{path.parent.name}.{path.stem}")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_options_are_those_of_the_documentation(path: Path) -> None:
    """The module is documentation only, and the action plugin of the same name reads its options from it."""
    action = load(PLUGINS / "action" / path.name)
    assert action.ActionModule.MODULE is load(path)
    assert "argument_spec=" not in path.read_text()
    spec = argument_spec(load(path).DOCUMENTATION)
    assert spec, "read with the doc fragments"
    valid: dict[str, Any] = {"str": "v1.0.0", "dict": {}, "list": []}
    given = {name: valid[option["type"]] for name, option in spec.items() if option.get("required")}
    validated = ArgumentSpecValidator(spec).validate(given)
    assert validated.error_messages == []
    assert set(validated.validated_parameters) == set(spec), "each has a default, or none"


@pytest.mark.parametrize("path", ON_HOST, ids=lambda path: path.stem)
def test_a_module_on_the_host_has_the_options_of_its_documentation(path: Path) -> None:
    module = load(path)
    with mock.patch.object(module, "AnsibleModule", side_effect=KeyError) as created, pytest.raises(KeyError):
        module.main()
    spec = created.call_args.kwargs["argument_spec"]
    # No key of the documentation says it.
    hidden = {name for name, option in spec.items() if option.pop("no_log", False)}
    assert spec == argument_spec(module.DOCUMENTATION)
    assert hidden == ({"url"} if path.stem == "model_fetch" else set())


def test_options_of_fragments_and_suboptions_are_validated() -> None:
    spec = argument_spec(load(PLUGINS / "modules" / "image_info.py").DOCUMENTATION)
    where = {"registry": "r.test", "repository": "inference", "version": "v1.0.0"}
    assert ArgumentSpecValidator(spec).validate({**where, "aws": {"region": "eu-west-1"}}).error_messages == []
    assert ArgumentSpecValidator(spec).validate({**where, "aws": {"regoin": "eu-west-1"}}).error_messages
    assert ArgumentSpecValidator(spec).validate({"version": "v1.0.0"}).error_messages


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_attributes_are_true(path: Path) -> None:
    attributes = yaml.safe_load(load(path).DOCUMENTATION)["attributes"]
    source = (PLUGINS / "action" / path.name).read_text()
    assert {name: it["support"] for name, it in attributes.items() if name in ("action", "async")} == {
        "action": "full", "async": "none",
    }  # fmt: skip
    reads_only = path.stem in ("drift_info", "image_info", "playbook_inputs", "release_info", "secret_info")
    assert ("check_mode" in source) is not reads_only, "an action that changes something decides by the check mode"
    assert attributes["check_mode"]["support"] == ("none" if path.stem == "service_check" else "full")
    assert attributes["diff_mode"]["support"] == ("full" if path.stem in ("release", "rollback") else "none")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_and_return_are_yaml_with_types(path: Path) -> None:
    module = load(path)
    assert all("slipway.ops." in " ".join(task) for task in yaml.safe_load(module.EXAMPLES))
    assert f"slipway.ops.{path.stem}" in module.EXAMPLES
    for value in yaml.safe_load(module.RETURN).values():
        assert {"description", "type", "returned", "sample"} <= set(value)


def private_names(path: Path) -> set[str]:
    """Private members that a plugin uses of anything but itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found |= set() if own else {ast.unparse(node)}
    return found


SOURCES = sorted(PLUGINS.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_plugin_uses_private_members_or_changes_the_path(path: Path) -> None:
    assert private_names(path) == set()
    text = path.read_text()
    assert "sys.path" not in text
    assert "_low_level_execute_command" not in text or path.name == "releasectl.py"
