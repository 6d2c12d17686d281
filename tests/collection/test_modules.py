"""The modules of slipway.ops: the documentation equals the argument spec, and the examples are read by Ansible."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted((ROOT / "collections/ansible_collections/slipway/ops/plugins/modules").glob("*.py"))


class SpecSeen(Exception):
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec


def spec_of(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"ansible_collections.slipway.ops.plugins.modules.{name}")
    if not hasattr(module, "main"):
        # The action plugin does the work; the module is its documentation.
        action = importlib.import_module(f"ansible_collections.slipway.ops.plugins.action.{name}")
        return dict(action.ActionModule.SPEC)

    def seen(**kwargs: Any) -> None:
        raise SpecSeen(kwargs["argument_spec"])

    with mock.patch.object(module, "AnsibleModule", seen), pytest.raises(SpecSeen) as caught:
        module.main()
    return caught.value.spec


def options_of(module: Any) -> dict[str, Any]:
    """As ansible-doc shows them: those of its fragments, too."""
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documentation.get("options", {}))
    for name in documentation.get("extends_documentation_fragment", []):
        fragment = importlib.import_module(f"ansible_collections.{name.replace('ops.', 'ops.plugins.doc_fragments.')}")
        options |= yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    return options


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_documentation_equals_the_argument_spec(path: Path) -> None:
    module = importlib.import_module(f"ansible_collections.slipway.ops.plugins.modules.{path.stem}")
    documented = options_of(module)
    spec = spec_of(path.stem)
    assert set(documented) == set(spec)
    for name, option in spec.items():
        for key in ("type", "default", "required", "choices"):
            assert documented[name].get(key) == option.get(key), f"{name}.{key}"
        assert set(documented[name].get("suboptions", {})) == set(option.get("options", {})), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_and_return_are_yaml_with_types(path: Path) -> None:
    module = importlib.import_module(f"ansible_collections.slipway.ops.plugins.modules.{path.stem}")
    assert all(f"slipway.ops.{path.stem}" in task for task in yaml.safe_load(module.EXAMPLES))
    for value in yaml.safe_load(module.RETURN).values():
        assert {"description", "type", "returned", "sample"} <= set(value)
