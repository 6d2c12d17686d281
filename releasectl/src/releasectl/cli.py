"""The command line: parses, connects the engine to the host, prints, and returns an exit code (docs/releasectl.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .adapter import Devices
from .arguments import parser
from .commands.engine import Engine, Lock
from .commands.result import Result
from .documents.config import read_config
from .documents.request import one_line, read_env_file
from .host.lock import holder, is_held, lock_of
from .host.paths import Paths
from .model.errors import Code, Failure, Interrupted
from .model.model import Config
from .rollout.transaction import as_failure


def main(argv: list[str] | None = None) -> int:
    if (command_line := argv or sys.argv[1:]) and command_line[0] in ("edge", "certificate", "acme-probe"):
        from .edge import cli

        return cli.main(command_line, os.environ)
    arguments = parser().parse_args(command_line)
    paths = Paths(os.environ.get("SLIPWAY_ROOT", "/"))
    try:
        config = _config(paths, arguments.service)
        if arguments.command == "run-slot":
            # Local import, like `report` below: no other command needs it (docs/startup.md).
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


def _config(paths: Paths, service: str | None) -> Config:
    names = sorted(os.listdir(paths.etc)) if os.path.isdir(paths.etc) else []
    services = [name for name in names if os.path.exists(paths.service_json(name))]
    has = f"this host has {', '.join(services) or 'none yet (converge it: ansible-playbook site.yml)'}"
    if service is None:
        if len(services) != 1:
            raise Failure(Code.USAGE, f"--service is needed: {has}")
        service = services[0]
    if service not in services:
        raise Failure(Code.USAGE, f"there is no service {service!r}: {has}")
    path = paths.service_json(service)
    try:
        with open(path, encoding="utf-8") as file:
            doc = json.load(file)
    except OSError as error:
        raise Failure(Code.USAGE, f"{path}: {error.strerror}", "Converge the host again.") from error
    except ValueError as error:
        raise Failure(Code.USAGE, f"{path}: not JSON: {error}", "Converge the host again.") from error
    return read_config(doc, path)


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
        # With ssl and threads: only the status needs them (docs/startup.md).
        from .around import HostAround
        from .commands import report

        busy = holder(lock_path) if is_held(lock_path) else None
        doc = report.status(host, busy, HostAround(paths, config))
        _print(doc, arguments)
        return report.exit_code(doc)
    if arguments.command in ("history", "diff"):
        from .commands import history_report

        if arguments.command == "history":
            doc = history_report.history(host, arguments.count)
        else:
            doc = history_report.diff(host, arguments.old, arguments.new)
        _print(doc, arguments)
        return Code.OK
    if os.geteuid() != 0:
        raise Failure(Code.USAGE, f"{arguments.command} must be run as root", "sudo releasectl …")
    if arguments.command == "canary":
        _print(_canary(devices, arguments, is_held(lock_path)), arguments)
        return Code.OK
    document = _request(arguments) if arguments.command == "deploy" else None
    devices.process.listen()
    lock = lock_of(lock_path, *_what(arguments, document), config.deadlines.lock)
    engine = Engine(host, _prepared(devices, lock), lambda: os.urandom(6).hex())
    if arguments.command == "recover":
        # Local import: no rollout needs it (docs/startup.md).
        from .around import HostAround

        result = engine.recover(arguments.live, HostAround(paths, config) if arguments.repair else None)
    else:
        result = _change(engine, arguments, document)
    _print(result.document(), arguments)
    return result.code


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
    line = canary_line(status) if status else "no canary is running"
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
            wanted = _document(arguments) if arguments.request else {"image": arguments.image}
            return engine.prefetch(wanted, arguments.dry_run)
        case "rollback":
            return engine.rollback(arguments.to, arguments.by, arguments.reason, arguments.dry_run)
        case "maintenance":
            return engine.maintenance(arguments.switch == "on", arguments.by, arguments.reason, arguments.force)
        case _:
            return engine.prune(arguments.dry_run)


def _request(arguments: argparse.Namespace) -> Any:
    if arguments.request:
        return _document(arguments)
    if not arguments.version:
        raise Failure(
            Code.USAGE, "deploy needs --version (or --request)", "releasectl deploy --version v1.4.2 --image …"
        )
    doc: dict[str, Any] = {
        "version": arguments.version, "image": arguments.image, "by": arguments.by, "reason": arguments.reason,
    }  # fmt: skip
    if arguments.env_file:
        try:
            with open(arguments.env_file, encoding="utf-8") as file:
                doc["env"] = read_env_file(file.read(), arguments.env_file)
        except OSError as error:
            raise Failure(Code.USAGE, f"--env-file {arguments.env_file}: {error.strerror}") from error
    if arguments.strategy:
        doc["strategy"] = arguments.strategy
    if arguments.canary:
        doc["canary"] = _split_of(arguments)
    return doc


def _split_of(arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        canary: dict[str, Any] = {"steps": [int(step.rstrip("%")) for step in arguments.canary.split(",")]}
        if arguments.step:
            canary["step_s"] = float(arguments.step.removesuffix("s"))
    except ValueError as error:
        raise Failure(Code.USAGE, f"--canary/--step: {error}", "--canary 5,25,50 --step 30") from error
    return {**canary, "hold": arguments.hold}


def _document(arguments: argparse.Namespace) -> Any:
    try:
        with open(0 if arguments.request == "-" else arguments.request, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(Code.USAGE, f"--request {arguments.request}: {error}") from error


def _print(doc: dict[str, Any], arguments: argparse.Namespace) -> None:
    if getattr(arguments, "json", False):
        _say(json.dumps(doc, ensure_ascii=False))
        return
    if "text" in doc:
        _say(doc["text"].rstrip("\n"))
        return
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
    _say("\n".join(lines), bad)


def _say(text: str, bad: bool = False) -> bool:
    """False: the reader has gone. That must not stop the work."""
    try:
        print(text, file=sys.stderr if bad else sys.stdout, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return False
    return True
