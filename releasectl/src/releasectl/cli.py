"""The command line: parses, connects the engine to the host, prints, and returns an exit code (docs/releasectl.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .adapter import Devices
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
    arguments = _parser().parse_args(command_line)
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


# A fixed width: argparse would import shutil to query the terminal's (docs/startup.md).
class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=100), **options)


def _parser() -> argparse.ArgumentParser:
    about = (
        "Deploy, roll back and inspect the releases of a service on this host. "
        "Commands for the host itself: edge, certificate, acme-probe (each with --help)."
    )
    parser = _Parser(prog="releasectl", description=about)
    parser.add_argument("--service", help="name of the service; not needed if the host has only one")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> _Parser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="print one JSON document, on the last line")
        return command

    add("status", "whether clients are served, what is live, and what is wrong with which fix")
    command = add("history", "ended rollouts and rollbacks, the newest first")
    command.add_argument("-n", type=int, default=20, dest="count", metavar="N")
    command = add("diff", "what a recorded release changes against another one, by names")
    command.add_argument("old", metavar="VERSION|ID")
    command.add_argument("new", metavar="VERSION|ID")
    command = add("deploy", "make a version live; if it fails, the old one keeps serving")
    command.add_argument("--request", metavar="FILE", help="the whole request as JSON; - reads standard input")
    command.add_argument("--version", metavar="V", help="for example v1.4.2")
    command.add_argument(
        "--image", metavar="REPO@sha256:…", help="not needed for a version that is recorded on this host"
    )
    command.add_argument(
        "--env-file", metavar="FILE", help="NAME=value lines; default: the variables of the live release"
    )
    command.add_argument(
        "--strategy", choices=["blue_green", "stop_first"], help="default: the strategy in service.json"
    )
    command.add_argument("--canary", metavar="PERCENT,…", help="traffic in percent, step by step, for example 5,25,50")
    command.add_argument("--step", metavar="S", help="minimum seconds per step of the canary")
    command.add_argument("--hold", action="store_true", help="stay at the last step until an operator ends the canary")
    _who(command)
    command = add("prefetch", "only pull an image by digest, so that a later deploy need not wait for it")
    command.add_argument("--image", metavar="REPO@sha256:…")
    command.add_argument("--request", metavar="FILE", help="image and registry_auth as JSON; - reads standard input")
    command.add_argument("--dry-run", action="store_true", help="print whether the image would be pulled; pull nothing")
    command = add("canary", "control a running canary")
    command.add_argument("action", choices=["promote", "abort", "hold", "status"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the history")
    command = add("maintenance", "switch all traffic to the maintenance page, or back; the live release stays live")
    command.add_argument("switch", choices=["on", "off"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="why; shown in the status and in the history")
    command.add_argument("--force", action="store_true", help="end a maintenance of another operator")
    command = add("rollback", "make a recorded release live; needs no registry")
    command.add_argument("--to", metavar="VERSION|ID", help="default: the release that was live before")
    _who(command)
    command = add("recover", "finish or undo interrupted work and repair what differs from the record")
    command.add_argument(
        "--live", metavar="SLOT", choices=["blue", "green"], help="the slot that is live, if recovery cannot tell"
    )
    command = add("prune", "remove releases and images beyond the retained ones")
    command.add_argument("--dry-run", action="store_true")
    command = add("events", "print what the engine did, as JSON lines")
    command.add_argument("--follow", action="store_true")
    command.add_argument("-n", type=int, default=50, dest="count", metavar="N")
    command = commands.add_parser("run-slot", help="(for systemd) run as the main process of a slot")
    command.add_argument("slot", choices=["blue", "green"])
    return parser


def _who(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="why, for the history")
    command.add_argument("--dry-run", action="store_true", help="print what would change; change nothing")


def _user() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"


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
        case "recover":
            return engine.recover(arguments.live)
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
