"""Restores a backup on a host that has lost its records, or never had any."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from ..documents.timestamps import rfc3339
from ..model.errors import Code, Failure
from . import files
from .backup import Item, Items, services_of, unpack
from .lock import lock_of
from .paths import Paths

LOCK_S = 5.0


def restore(paths: Paths, source: str, force: bool = False) -> dict[str, Any]:
    """
    Write what a backup holds, and return what it says of it (restored.json). All files are written under temporary
    names first, then renamed, the states last; until the end restored.json says that it is not complete, and the same
    restore can be repeated. `force`: over the records of this host. Raises Failure.
    """
    manifest, items = unpack(source)
    services = services_of(items)
    if not force:
        _refuse(paths, services)
    with ExitStack() as stack:
        for service in services:
            stack.enter_context(lock_of(paths.lock(service), "restore", "releasectl", LOCK_S)())
        doc = {key: manifest[key] for key in ("created", "host", "services")}
        doc["restored"] = rfc3339(time.time())
        try:
            _write(paths, items, lambda complete: _mark(paths, {"complete": complete, **doc}))
        except OSError as error:
            raise Failure(
                Code.PREFLIGHT,
                f"Failed to restore: {error.filename or source}: {error.strerror}",
                "Run the command again.",
            ) from error
    return {"complete": True, **doc}


def recorded(paths: Paths) -> tuple[str, ...]:
    """The services of which this host has records. None of them counts while a restore is not complete."""
    try:
        if json.loads(files.read_text(paths.restored) or '{"complete": true}')["complete"] is not True:
            return ()
    except (OSError, ValueError, KeyError, TypeError):
        # Whatever it is, no record is to be lost by it.
        pass
    names = sorted(os.listdir(paths.homes)) if os.path.isdir(paths.homes) else []
    return tuple(name for name in names if os.path.lexists(os.path.join(paths.home(name), "state.json")))


def _refuse(paths: Paths, services: tuple[str, ...]) -> None:
    hint = "To replace what is there: releasectl restore --force FILE, then releasectl recover"
    if found := recorded(paths):
        raise Failure(Code.PREFLIGHT, f"this host has records of {', '.join(found)}", hint)
    configured = paths.services()
    if configured and not set(configured) & set(services):
        cause = f"the backup is of {', '.join(services)}, and this host is configured for {', '.join(configured)}"
        raise Failure(Code.PREFLIGHT, cause, hint)


def _write(paths: Paths, items: Items, mark: Callable[[bool], None]) -> None:
    temporary: dict[str, str] = {}
    try:
        for name, item in items.items():
            path = paths.at(name)
            _make_directory(paths, os.path.dirname(name))
            temporary[path] = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.tmp")
            _write_item(temporary[path], item)
        mark(False)
        for path in sorted(temporary, key=_states_last):
            if path.endswith("/state.json"):
                # Of work that the records before had begun.
                files.remove_file(os.path.join(os.path.dirname(path), "journal"))
            os.replace(temporary[path], path)
        for directory in sorted({os.path.dirname(path) for path in temporary}):
            files.sync_dir(directory)
        mark(True)
    finally:
        for path in temporary.values():
            files.remove_file(path)


def _states_last(path: str) -> tuple[bool, str]:
    return path.endswith("/state.json"), path


def _write_item(path: str, item: Item) -> None:
    if item.link:
        files.remove_file(path)
        os.symlink(item.link, path)
    else:
        files.write_new(path, item.data, item.mode)


def _make_directory(paths: Paths, name: str) -> None:
    """Those of keys and accounts are root's alone."""
    private = name.startswith(("etc/letsencrypt/", "etc/haproxy/certs"))
    parent = os.path.dirname(name)
    if not os.path.isdir(paths.at(name)):
        if parent:
            _make_directory(paths, parent)
        os.mkdir(paths.at(name), 0o700 if private else 0o755)


def _mark(paths: Paths, doc: Mapping[str, Any]) -> None:
    files.write_atomic(paths.restored, json.dumps(doc) + "\n", 0o644)
