# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a person may give on the command line, and what has become of those of earlier versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible_collections.slipway.ops.plugins.plugin_utils.names import did_you_mean

# Where Ansible's parser of `-e name=value` puts words without a name.
REST = "_raw_params"
OWN = "services.<name>.{}"

RENAMED = {
    "service_name": "default_service, and the key in services",
    **{f"service_{key}": OWN.format(key) for key in (
        "slots", "domains", "version", "env", "secrets", "model", "model_name", "golden_headers", "gates",
    )},
    "service_gate_headers": OWN.format("gates.headers"),
    "service_others": "services", "service_names": "services", "service_now": "services", "service_own": "services",
    "service_meant": "service", "service_asked": "service", "release_service": "service", "release_turn": "service",
    "release_slots": OWN.format("slots"), "release_options_added": "release_options",
    "release_version": f"version, or {OWN.format('version')}",
    "release_model_version": f"model, or {OWN.format('model')}",
    "release_live_map": "none: it follows from the service's name",
    "release_backend_prefix": "none: it follows from the service's name",
    "edge_service": "edge_services", "edge_other_services": "edge_services", "edge_domains": OWN.format("domains"),
    "edge_slots": OWN.format("slots"),
    "edge_live_map": "none: it follows from the service's name",
    "edge_backend_prefix": "none: it follows from the service's name",
    "build_architecture": "build_platforms, such as [linux/amd64]",
    "release_reason": "reason", "operator_reason": "reason", "word": "canary_command", "folder": "model_dir",
}  # fmt: skip


def renamed(names: Iterable[str]) -> list[str]:
    """A line for each name of an earlier version."""
    return [f"{name} is now {RENAMED[name]}" for name in sorted(names) if name in RENAMED]


def unknown(names: Iterable[str], inputs: Iterable[str], variables: Iterable[str]) -> list[str]:
    """A line for each name that is neither an input of the playbook nor a variable."""
    known = {*inputs, *variables}
    return [
        f"unknown input {name}{did_you_mean(name, known)}"
        for name in sorted(names) if name not in known and not name.startswith("ansible_")
    ]  # fmt: skip


def variables_of(loader: DataLoader, roles_paths: Iterable[str], inventories: Iterable[str]) -> set[str]:
    """Every variable of the roles (their defaults) and of the inventory's group_vars and host_vars."""
    files = [path for folder in roles_paths for path in Path(folder).glob("*/defaults/main.yml")]
    for folder in inventories:
        files += [
            path for part in ("group_vars", "host_vars") for path in Path(folder, part).rglob("*") if _is_yaml(path)
        ]
    found: set[str] = set()
    for path in files:
        document = loader.load_from_file(str(path))
        found |= set(document) if isinstance(document, Mapping) else set()
    return found


def _is_yaml(path: Path) -> bool:
    return path.is_file() and path.suffix in ("", ".yml", ".yaml", ".json")


def verbatim(value: Any, rest: Any) -> str:
    """A text as it was given, never a template; `rest`: what Ansible split off at a space."""
    # Joined: a string without the mark of a template that Ansible puts on what comes from the command line.
    return " ".join("".join(str(it)) for it in (value, rest) if it is not None)
