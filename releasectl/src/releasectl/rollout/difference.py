"""
Pure: what a release changes against another one, by names: `+` is new, `-` is gone, `~` has another value. Never a
value, and no hash of one either: a short secret could be guessed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..documents.release_fields import gates_doc, options_doc
from ..model.model import Release, Settings

Difference = dict[str, list[str]]
DIGEST = 12
VERSION_LENGTH = 8


def difference(old: Release, new: Release, old_settings: Settings | None, new_settings: Settings | None) -> Difference:
    """Only what differs. Settings None: they cannot be read, so only names of variables are compared."""
    known = old_settings is not None and new_settings is not None
    before, after = (it if it and known else Settings() for it in (old_settings, new_settings))
    found = {
        "image": _changed(_digest(old), _digest(new)),
        "model": _changed(old.ref.model_version or "none", new.ref.model_version or "none"),
        "env": _names(dict.fromkeys(old.env_keys) | dict(before.env), dict.fromkeys(new.env_keys) | dict(after.env)),
        "secrets": _with_versions(
            _names(
                dict.fromkeys(old.secret_keys) | dict(before.secrets),
                dict.fromkeys(new.secret_keys) | dict(after.secrets),
            ),
            old,
            new,
        ),
        "options": _names(options_doc(old.options), options_doc(new.options)),
        "gates": _names(gates_doc(old.gates), gates_doc(new.gates)),
    }
    return {name: changes for name, changes in found.items() if changes}


def _with_versions(changes: list[str], old: Release, new: Release) -> list[str]:
    """`~API_TOKEN (version a1b2c3d4 → 5e6f7a8b)`, where both were read by reference."""
    before, after = ({f"~{it.name}": it.version for it in release.secret_versions} for release in (old, new))
    return [
        f"{change} (version {_versions(before[change], after[change])})"
        if change in before and change in after
        else change
        for change in changes
    ]


def _versions(old: str, new: str) -> str:
    """Shortened, unless that makes them equal: those that Terraform writes begin alike."""
    short = old[:VERSION_LENGTH], new[:VERSION_LENGTH]
    return " → ".join(short if short[0] != short[1] else (old, new))


def brief(found: Difference) -> str:
    """`image: a1… → b2…; env: +MAX_ROWS ~LOG_LEVEL`."""
    return "; ".join(f"{name}: {' '.join(changes)}" for name, changes in found.items()) or "nothing"


def _digest(release: Release) -> str:
    return release.ref.image.rpartition(":")[2][:DIGEST]


def _changed(old: str, new: str) -> list[str]:
    return [] if old == new else [f"{old} → {new}"]


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    added = [f"+{name}" for name in sorted(set(new) - set(old))]
    gone = [f"-{name}" for name in sorted(set(old) - set(new))]
    return added + gone + [f"~{name}" for name in sorted(set(old) & set(new)) if old[name] != new[name]]
