# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of an action plugin, read from the DOCUMENTATION of its module: they are written down once."""

from __future__ import annotations

import importlib
from typing import Any

import yaml
from ansible.plugins.action import ActionBase

OURS = "slipway.ops."
# The keys of an option that Ansible's validation reads.
KEYS = ("type", "required", "default", "choices", "elements", "aliases")


class DocumentedAction(ActionBase):
    """An action plugin whose options are those of its module's DOCUMENTATION."""

    MODULE: Any
    """The module of the same name, which is documentation only."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=argument_spec(self.MODULE.DOCUMENTATION))[1]
        return self.execute(args, (task_vars or {}).get("inventory_hostname", ""))

    def execute(self, args: dict[str, Any], host: str) -> dict[str, Any]:
        """Do the work with validated options. Returns the task's result."""
        raise NotImplementedError


def argument_spec(documentation: str) -> dict[str, Any]:
    """The argument spec that a DOCUMENTATION describes, with the doc fragments of this collection."""
    document = _load(documentation)
    options: dict[str, Any] = {}
    for name in document.get("extends_documentation_fragment", []):
        # Fragments of Ansible describe attributes, and have no options.
        if name.startswith(OURS):
            path = f"ansible_collections.slipway.ops.plugins.doc_fragments.{name.removeprefix(OURS)}"
            options |= _load(importlib.import_module(path).ModuleDocFragment.DOCUMENTATION).get("options", {})
    return _spec({**options, **document.get("options", {})})


def _spec(options: dict[str, Any]) -> dict[str, Any]:
    spec = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in KEYS if key in option}
        if "suboptions" in option:
            spec[name]["options"] = _spec(option["suboptions"])
    return spec


def _load(text: str) -> dict[str, Any]:
    # The parser in C, where PyYAML has it, takes a tenth of the time, which every task of a rollout pays.
    return dict(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
