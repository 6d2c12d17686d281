"""The command line: parses, connects the engine to the host, prints, and returns an exit code (docs/releasectl.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .adapter import Devices
from .arguments import HOST_COMMANDS, parser, read_document, request_of
from .commands.engine import Engine, Lock
from .commands.result import Result
from .documents.request import one_line, read_inventory_version
from .host.lock import holder, is_held, lock_of
from .host.paths import Paths
from .host.process import require_root
from .host.service_config import load_config
from .model.errors import Code, Failure, Interrupted
from .model.model import Config
from .rollout.transaction import as_failure

WATCH_S = 2.0
# ECMA-48: the cursor to the top, and erase the screen.
CLEAR = "\x1b[H\x1b[2J"


def main(argv: list[str] | None = None) -> int:
    if (command_line := argv or sys.argv[1:]) and command_line[0] in HOST_COMMANDS:
        # Local import, like `report` below: no other command needs it (docs/startup.md).
        from . import host_commands

        return host_commands.main(command_line, os.environ)
    arguments = parser().parse_args(command_line)
    paths = Paths(os.environ.get("SLIPWAY_ROOT", "/"))
    try:
        config = load_config(paths, arguments.service)
        if arguments.command == "run-slot":
            from .slot.main import run_slot

            return run_slot(paths, config, arguments.slot)
        return _run(arguments, paths, config)
    except Failure as failure:
        result = Result(arguments.service or "?").fail(failure, f"run {arguments.command}")
        _print(result.document(), arguments)
        return failure.code
    except (Interrupted, KeyboardInterrupt):
        return 130
    except Exception as error:
        # Local import: rarely needed (docs/startup.md).
        import traceback

        traceback.print_exc()
        result = Result(arguments.service or "?").fail(as_failure(error), f"run {arguments.command}")
        _print(result.document(), arguments)
        return Code.UNEXPECTED


def _run(arguments: argparse.Namespace, paths: Paths, config: Config) -> int:
    devices = Devices(paths, config)
    host = devices.host
    if arguments.command == "events":
        for event in devices.events.read(arguments.follow, arguments.count, devices.process.pause):
            if not _say(json.dumps(event, ensure_ascii=False)):
                break
        return Code.OK
    lock_path = paths.lock(config.service)
    if arguments.command == "status":
        return _show_status(arguments, devices, paths)
    if arguments.command == "metrics":
        return _metrics(_status(devices, paths), arguments.output, devices)
    if arguments.command in ("history", "diff"):
        from .commands import history_report

        if arguments.command == "history":
            doc = history_report.history(host, arguments.count)
        else:
            doc = history_report.diff(host, arguments.old, arguments.new)
        _print(doc, arguments)
        return Code.OK
    require_root(arguments.command)
    if arguments.command == "canary":
        _print(_canary(devices, arguments, is_held(lock_path)), arguments)
        return Code.OK
    document = request_of(arguments) if arguments.command == "deploy" else None
    devices.process.listen()
    lock = lock_of(lock_path, *_what(arguments, document), config.deadlines.lock)
    if arguments.command == "record-upgrade":
        # Local import: no rollout needs it (docs/startup.md).
        from .commands.upgrade import record_upgrade

        result = record_upgrade(host, _prepared(devices, lock), os.urandom(6).hex(), read_document(arguments.request))
        _print(result.document(), arguments)
        return result.code
    engine = Engine(host, _prepared(devices, lock), lambda: os.urandom(6).hex())
    if arguments.command == "recover":
        # Local import: no rollout needs it (docs/startup.md).
        from .around import HostAround

        result = engine.recover(arguments.live, HostAround(paths, config) if arguments.repair else None)
    else:
        result = _change(engine, arguments, document)
        if document is not None and not arguments.dry_run and result.code != Code.USAGE:
            _record_wanted(paths, document, result)
    _print(result.document(), arguments)
    return result.code


def _status(devices: Devices, paths: Paths, inventory_version: str = "") -> dict[str, Any]:
    # With ssl and threads: only the status needs them (docs/startup.md).
    from .around import HostAround
    from .commands import report

    config = devices.host.config
    lock_path = paths.lock(config.service)
    busy = holder(lock_path) if is_held(lock_path) else None
    return report.status(devices.host, busy, HostAround(paths, config), inventory_version)


def _show_status(arguments: argparse.Namespace, devices: Devices, paths: Paths) -> int:
    """With --watch until Ctrl-C, or until the reader has gone: the code is that of the last one."""
    from .commands.report import exit_code

    clear = CLEAR if arguments.watch and not arguments.json else ""
    doc = _status(devices, paths, arguments.inventory_version)
    while _print({**doc, "text": clear + doc["text"]}, arguments) and arguments.watch:
        try:
            devices.process.pause(WATCH_S)
            doc = _status(devices, paths, arguments.inventory_version)
        except KeyboardInterrupt:
            break
    return exit_code(doc)


def _record_wanted(paths: Paths, document: Any, result: Result) -> None:
    """After the rollout, which does not wait for it, and however it ended: the status tells of what is live instead."""
    from .host import wanted

    version = read_inventory_version(document)
    if version is None:
        return
    try:
        wanted.record(paths, result.service, version, one_line(str(document.get("by") or "releasectl")), time.time())
    except OSError as error:
        result.warnings.append(f"Failed to write {paths.wanted(result.service)}: {error.strerror or error}")


def _metrics(doc: dict[str, Any], output: str | None, devices: Devices) -> int:
    from .commands.metrics import metrics_text
    from .host.files import write_atomic

    text = metrics_text(doc, devices.process.now())
    if not output:
        _say(text.rstrip("\n"))
        return Code.OK
    try:
        os.makedirs(os.path.dirname(os.path.abspath(output)), mode=0o755, exist_ok=True)
        write_atomic(output, text, 0o644)
    except OSError as error:
        raise Failure(Code.PREFLIGHT, f"Failed to write {output}: {error.strerror or error}") from error
    return Code.OK


def _canary(devices: Devices, arguments: argparse.Namespace, running: bool) -> dict[str, Any]:
    """The engine of the canary is another process and holds the lock: send it a command."""
    from .commands.status_text import canary_line

    status = devices.canary_mailbox.read_status() if running else None
    result = Result(devices.host.config.service, outcome="unchanged")
    if arguments.action != "status":
        if not running:
            raise devices.canary_mailbox.not_running()
        status = devices.canary_mailbox.send(arguments.action, one_line(arguments.by))
        result.outcome, result.changed = "accepted", True
    result.extra["canary"] = status
    name, now = devices.host.config.service, devices.process.now()
    line = canary_line(name, status, now) if status else "no canary is running"
    result.message = f"accepted {arguments.action}: {line}" if result.changed else line
    return result.document()


def _prepared(devices: Devices, lock: Lock) -> Lock:
    @contextmanager
    def locked() -> Iterator[None]:
        with lock():
            devices.prepare()
            yield

    return locked


def _what(arguments: argparse.Namespace, document: Any) -> tuple[str, str]:
    """The change and its caller, for the lock file. A request document names both itself."""
    request: dict[str, Any] = document if isinstance(document, dict) else {}
    given = [request.get("version"), *(getattr(arguments, name, None) for name in ("to", "action", "switch"))]
    target = next((it for it in given if it), None)
    by = request.get("by") or getattr(arguments, "by", None) or "releasectl"
    return one_line(f"{arguments.command} {target}" if target else arguments.command), one_line(str(by))


def _change(engine: Engine, arguments: argparse.Namespace, document: Any) -> Result:
    match arguments.command:
        case "deploy":
            return engine.deploy(document, arguments.dry_run)
        case "prefetch":
            wanted = read_document(arguments.request) if arguments.request else {"image": arguments.image}
            return engine.prefetch(wanted, arguments.dry_run)
        case "rollback":
            return engine.rollback(arguments.to, arguments.by, arguments.reason, arguments.dry_run)
        case "maintenance":
            return engine.maintenance(
                arguments.switch == "on", arguments.by, arguments.reason, arguments.force, arguments.until_reboot
            )
        case _:
            return engine.prune(arguments.dry_run)


def _print(doc: dict[str, Any], arguments: argparse.Namespace) -> bool:
    """False: the reader has gone."""
    if getattr(arguments, "json", False):
        return _say(json.dumps(doc, ensure_ascii=False))
    if "text" in doc:
        return _say(doc["text"].rstrip("\n"))
    bad = doc["code"] != Code.OK
    lines = [doc["message"], *(f"  {line}" for line in doc["logs"])]
    lines += [f"warning: {text}" for text in doc["warnings"]]
    if doc["phases"] and not bad:
        lines.append("  " + " · ".join(f"{it['name']} {it['seconds']:.2f} s" for it in doc["phases"]))
    # A deploy has the notes of its steps; `canary` itself has the status, which is in the message.
    notes = doc.get("canary")
    lines += [f"canary at {note}" for note in notes] if isinstance(notes, list) else []
    if changes := doc.get("changes"):
        lines.append(f"  changes {changes}")
    if doc.get("requests"):
        seen = doc["requests"]
        lines.append(f"requests during the switch: {seen['total']}, {seen['failed']} failed")
    if doc.get("rollback"):
        lines.append(f"rollback {doc['rollback']}")
    if doc["hint"]:
        lines.append(doc["hint"])
    return _say("\n".join(lines), bad)


def _say(text: str, bad: bool = False) -> bool:
    """False: the reader has gone. That must not stop the work."""
    try:
        print(text, file=sys.stderr if bad else sys.stdout, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return False
    return True
