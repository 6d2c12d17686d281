# Copyright: Slipway contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dictionary `services` of an inventory: its keys and types, the values derived from it, and how layers merge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.slipway.ops.plugins.plugin_utils.names import did_you_mean
from ansible_collections.slipway.ops.plugins.plugin_utils.secret_store import SecretError, references

NAME = re.compile(r"[a-z0-9-]+")
DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+")
SLOTS = ("blue", "green")
WHERE = "Set it in inventory/<env>/group_vars/all/services.yml"

# Kinds of a value: a Python type, a tuple of choices, a dictionary of further keys.
number = (int, float)
# Name → text, or a reference to where the value is.
SECRETS = object()
STRATEGIES = ("blue_green", "canary", "stop_first")
CANARY: dict[str, Any] = {
    "steps": list, "step_s": float, "hold": bool, "min_requests": int, "max_error_ratio": float,
    "max_latency_ratio": float, "wait_s": float,
    "on_silence": ("abort", "promote"), "on_interrupt": ("abort", "resume"),
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "memory": str, "cpus": str, "pids": int, "container_port": int, "stop_timeout_s": int, "user": str, "tmpfs": list,
    "cache": str, "ca": str, "hosts": dict, "gpus": str, "gpu_memory": str,
}  # fmt: skip
GATES: dict[str, Any] = {
    "liveness_path": str, "readiness_path": str, "version_path": str, "golden": list, "headers": dict,
}  # fmt: skip
DEADLINES = dict.fromkeys(("lock", "pull", "start", "liveness", "readiness", "golden", "switch"), float)
# What a role may set for all services and a service for itself.
SHARED: dict[str, Any] = {
    "repository": str, "env": dict, "secrets": SECRETS, "model": str, "model_name": str, "golden_headers": dict,
    "gates": GATES, "options": OPTIONS, "canary": CANARY, "strategy": STRATEGIES,
    "front_door": {"name": str, "ca": str},
    "drain_timeout_s": float, "drain_stream_s": float, "drain_websocket_s": float, "standby_s": float,
    "retain_count": int, "retain_mb": int, "min_free_mb": int, "memory_reserve_mb": int, "failover_after": int,
    "bake_s": float, "bake_max_error_ratio": float, "hook_timeout_s": float, "deadlines_s": DEADLINES,
}  # fmt: skip
SERVICE: dict[str, Any] = {"domains": list, "slots": dict, "version": str, **SHARED}
REQUIRED = ("domains", "slots")
# Keys whose null means none; it takes the value of a weaker layer away.
NULLABLE = ("front_door", "version_path", "cache", "ca", "hosts", "gpus", "gpu_memory")
# What a release has, and no file that a converge writes.
IN_NO_FILE = ("env", "secrets", "gates", "golden_headers")
WORDS = {
    list: "a list", dict: "a dictionary", str: "a text",
    bool: "true or false", int: "a whole number", float: "a number",
}  # fmt: skip


class ServicesError(Exception):
    """The inventory's services are not valid; the message has the path of the value."""


def resolved(services: Any, default_service: str, where: str = "services") -> list[dict[str, Any]]:
    """Every service with its derived values, the default one first. Raises ServicesError."""
    _check(services, dict, where)
    if not services:
        raise ServicesError(f"{where} is empty. {WHERE}: name → domains, slots, version")
    if default_service not in services:
        raise ServicesError(
            f"default_service is {default_service!r}, which {where} does not have; {where} has: {', '.join(services)}"
        )
    for name, service in services.items():
        _check_service(f"{where}.{name}", name, service)
    _check_unique(where, "domain", {name: it["domains"] for name, it in services.items()})
    _check_unique(where, "port", {name: it["slots"].values() for name, it in services.items()})
    names = sorted(services, key=lambda name: name != default_service)
    return [_derived(name, services[name]) for name in names]


def merged(services: Iterable[Mapping[str, Any]], layers: list[Any], inputs: Any = None) -> list[dict[str, Any]]:
    """
    Every service over `layers` (the weakest first), dictionaries key by key, and under the inputs of a playbook, which
    are for the service that they name. Raises ServicesError.
    """
    for layer in layers:
        for key, value in layer.items():
            if key not in SHARED:
                raise ServicesError(f"release_{key}: {_unknown(key, SHARED)}")
            _check(value, SHARED[key], f"release_{key}")
    given = {key: value for key, value in (inputs or {}).items() if value is not None}
    of_run = {key: given[key] for key in ("version", "model", "strategy") if key in given}
    of_run["canary"] = {key: given[key] for key in ("steps", "step_s", "hold") if key in given}
    found = []
    for service in services:
        whole: dict[str, Any] = {}
        for layer in (*layers, service, of_run if service["name"] == given.get("service") else {}):
            # A reference is replaced, not merged with the one of a weaker layer.
            secrets = {**whole.get("secrets", {}), **layer.get("secrets", {})}
            whole = {**_over(whole, layer), "secrets": secrets}
        found.append({**whole, "front_door": _front_door(whole)})
    return found


def expanded(entries: list[dict[str, Any]], services: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """
    Every entry for every service: `{service}` in its texts is the service's name, `{service_id}` the same with
    underscores, `{key}` the entry's own text of that key. Its `vars` are what a template needs: the service, without
    what is secret or in no file of a host.
    """
    return [
        {
            **{key: _filled(value, entry, service["name"]) for key, value in entry.items()},
            "vars": {"_release_service": {key: it for key, it in service.items() if key not in IN_NO_FILE}},
        }
        for service in services for entry in entries
    ]  # fmt: skip


def _front_door(service: Mapping[str, Any]) -> dict[str, Any] | None:
    """The service as its clients reach it: by its first name, unless another is set."""
    given = service.get("front_door", {})
    if given is None or not (given.get("name") or service["domains"]):
        return None
    return {"name": next(iter(service["domains"]), ""), **given}


def _filled(value: Any, entry: Mapping[str, Any], name: str) -> Any:
    if not isinstance(value, str):
        return value
    for key, text in {**entry, "service": name, "service_id": name.replace("-", "_")}.items():
        value = value.replace(f"{{{key}}}", str(text))
    return value


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _over(lower[key], value) if isinstance(value, dict) and isinstance(lower.get(key), dict) else value
        for key, value in upper.items()
    }
    return {**lower, **both}


def _derived(name: str, service: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **service,
        "name": name,
        "live_map": f"/var/lib/slipway/{name}/live.map",
        "backend_prefix": f"{name}_",
        **({"ready_path": path} if (path := service.get("gates", {}).get("readiness_path")) else {}),
    }


def _check_service(where: str, name: str, service: Any) -> None:
    if not NAME.fullmatch(str(name)):
        raise ServicesError(f"{where}: {name!r} is not a name: lower-case letters, digits and hyphens")
    _check(service, SERVICE, where)
    missing = [key for key in REQUIRED if key not in service]
    if missing:
        raise ServicesError(f"{where} has no {' and no '.join(missing)}. {WHERE}")
    for domain in service["domains"]:
        if not DOMAIN.fullmatch(str(domain)):
            raise ServicesError(f"{where}.domains: {domain!r} is not a full DNS name in lower case")
    if sorted(service["slots"]) != sorted(SLOTS):
        raise ServicesError(f"{where}.slots: expected blue and green, got {', '.join(service['slots']) or 'nothing'}")
    for slot, port in service["slots"].items():
        _check(port, int, f"{where}.slots.{slot}")
        if not 0 < port < 65536:
            raise ServicesError(f"{where}.slots.{slot}: {port} is not a TCP port")


def _check_unique(where: str, what: str, values: Mapping[str, Iterable[Any]]) -> None:
    owner: dict[Any, str] = {}
    for name, value in [(name, value) for name, those in values.items() for value in those]:
        if value in owner:
            both = f"{where}.{owner[value]} and {where}.{name}" if owner[value] != name else f"{where}.{name}, twice"
            raise ServicesError(f"{what} {value} is in {both}. {WHERE}")
        owner[value] = name


def _check(value: Any, kind: Any, where: str) -> None:
    if value is None and where.rpartition(".")[2].removeprefix("release_") in NULLABLE:
        return
    if kind is SECRETS:
        _check(value, dict, where)
        try:
            references(value, where)
        except SecretError as error:
            raise ServicesError(str(error)) from None
    elif isinstance(kind, dict):
        _check(value, dict, where)
        for key, it in value.items():
            if key not in kind:
                raise ServicesError(f"{where}.{key}: {_unknown(key, kind)}")
            _check(it, kind[key], f"{where}.{key}")
    elif isinstance(kind, tuple):
        if value not in kind:
            raise ServicesError(f"{where}: expected {' or '.join(kind)}, got {value!r}{did_you_mean(value, kind)}")
    elif not _is(value, kind):
        # Not the value: it may be a secret.
        raise ServicesError(f"{where}: expected {WORDS[kind]}, got {_kind_of(value)}")


def _is(value: Any, kind: Any) -> bool:
    # A bool is an int to Python; a number with a fraction is no whole one.
    if kind in (int, float):
        return isinstance(value, number if kind is float else int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    return next((words for kind, words in WORDS.items() if _is(value, kind)), type(value).__name__)


def _unknown(key: str, known: Iterable[str]) -> str:
    return f"unknown key{did_you_mean(key, known) or '; known: ' + ', '.join(sorted(known))}"
