"""The command line: parses, wires the real edge, prints, and ends with a documented code (docs/releasectl.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .adapter import Host
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
    if (words := argv or sys.argv[1:]) and words[0] in ("edge", "certificate", "acme-probe"):
        from .edge import cli

        return cli.main(words, os.environ)
    arguments = _parser().parse_args(words)
    paths = Paths(os.environ.get("SLIPWAY_ROOT", "/"))
    try:
        config = _config(paths, arguments.service)
        if arguments.command == "run-slot":
            # Here, like `report` below: no other command needs it, and each import is a third of a millisecond.
            from .slot.main import run_slot

            return run_slot(paths, config, arguments.slot)
        return _run(arguments, paths, config)
    except Failure as failure:
        result = Result(arguments.service or "?").fail(failure, f"run {arguments.command}")
        _print(result.document(), arguments)
        return failure.code
    except (Interrupted, KeyboardInterrupt):
        return 130
    except Exception as trouble:
        # Only here: what is rarely needed is not imported by every command.
        import traceback

        traceback.print_exc()
        result = Result(arguments.service or "?").fail(as_failure(trouble), f"run {arguments.command}")
        _print(result.document(), arguments)
        return Code.UNEXPECTED


# Of a width of its own: argparse would ask for the terminal's with every option, and import shutil for it.
class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=100), **options)


def _parser() -> argparse.ArgumentParser:
    about = "The releases of a service on this host. Of the host itself: edge, certificate, acme-probe (with --help)."
    parser = _Parser(prog="releasectl", description=about)
    parser.add_argument("--service", help="name of the service; not needed when the host has one")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> _Parser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="one JSON document, on the last line")
        return command

    add("status", "what is live, on which slot, how it is, and what the way back is")
    command = add("history", "ended rollouts and rollbacks, the newest first")
    command.add_argument("-n", type=int, default=20, dest="count", metavar="N")
    command = add("deploy", "make a version the live one, or leave the old one serving")
    command.add_argument("--request", metavar="FILE", help="the whole request as JSON; - reads standard input")
    command.add_argument("--version", metavar="V", help="for example v1.4.2")
    command.add_argument("--image", metavar="REPO@sha256:…", help="not needed for a version recorded here")
    command.add_argument("--env-file", metavar="FILE", help="NAME=value lines; without it the live release's are kept")
    command.add_argument("--strategy", choices=["blue_green", "stop_first"], help="without it: as service.json says")
    command.add_argument("--canary", metavar="PERCENT,…", help="for example 5,25,50: the share grows step by step")
    command.add_argument("--step", metavar="S", help="seconds that each step of the canary takes at least")
    command.add_argument("--hold", action="store_true", help="stay at the last step until somebody ends the canary")
    _who(command)
    command = add("prefetch", "pull an image by digest, so that no deploy has to wait for it; nothing else")
    command.add_argument("--image", metavar="REPO@sha256:…")
    command.add_argument("--request", metavar="FILE", help="image and registry_auth as JSON; - reads standard input")
    command.add_argument("--dry-run", action="store_true", help="say whether it would be pulled, pull nothing")
    command = add("canary", "say something to the canary that is running")
    command.add_argument("word", choices=["promote", "abort", "hold", "status"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the record")
    command = add("maintenance", "take the traffic away, or give it back; what is live stays so")
    command.add_argument("word", choices=["on", "off"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the record")
    command.add_argument("--reason", default="", metavar="TEXT", help="why, for those who look at the status")
    command = add("rollback", "make a recorded release the live one; needs no registry")
    command.add_argument("--to", metavar="VERSION|ID", help="without it: the release that was live before")
    _who(command)
    command = add("recover", "finish or undo interrupted work and make the host agree with its record")
    command.add_argument(
        "--live", metavar="SLOT", choices=["blue", "green"], help="say which slot is live, when it asks"
    )
    command = add("prune", "remove releases and images beyond those that are kept")
    command.add_argument("--dry-run", action="store_true")
    command = add("events", "what the engine did, as JSON lines")
    command.add_argument("--follow", action="store_true")
    command.add_argument("-n", type=int, default=50, dest="count", metavar="N")
    command = commands.add_parser("run-slot", help="(for systemd) be the main process of a slot")
    command.add_argument("slot", choices=["blue", "green"])
    return parser


def _who(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", default=_user(), metavar="NAME", help="who, for the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="why, for the history")
    command.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")


def _user() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"


def _config(paths: Paths, service: str | None) -> Config:
    names = sorted(os.listdir(paths.etc)) if os.path.isdir(paths.etc) else []
    there = [name for name in names if os.path.exists(paths.service_json(name))]
    has = f"this host has {', '.join(there) or 'none yet (converge it: ansible-playbook site.yml)'}"
    if service is None:
        if len(there) != 1:
            raise Failure(Code.USAGE, f"--service is needed: {has}")
        service = there[0]
    if service not in there:
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
    host = Host(paths, config)
    if arguments.command == "events":
        for event in host.events.read(arguments.follow, arguments.count, host.pause):
            if not _say(json.dumps(event, ensure_ascii=False)):
                break
        return Code.OK
    lock_path = paths.lock(config.service)
    if arguments.command in ("status", "history"):
        from .commands import report

        busy = holder(lock_path) if is_held(lock_path) else None
        doc = report.status(host, busy) if arguments.command == "status" else report.history(host, arguments.count)
        _print(doc, arguments)
        return Code.OK
    if os.geteuid() != 0:
        raise Failure(Code.USAGE, f"{arguments.command} has to be run as root", "sudo releasectl …")
    if arguments.command == "canary":
        _print(_canary(host, arguments, is_held(lock_path)), arguments)
        return Code.OK
    document = _request(arguments) if arguments.command == "deploy" else None
    host.listen()
    lock = lock_of(lock_path, *_what(arguments, document), config.deadlines.lock)
    engine = Engine(host, _prepared(host, lock), lambda: os.urandom(6).hex())
    result = _change(engine, arguments, document)
    _print(result.document(), arguments)
    return result.code


def _canary(host: Host, arguments: argparse.Namespace, running: bool) -> dict[str, Any]:
    """The canary's engine runs elsewhere and holds the lock: it is only told."""
    from .commands import report

    shown = host.canary.read() if running else None
    result = Result(host.config.service, outcome="unchanged")
    if arguments.word != "status":
        if not running:
            raise host.canary.not_running()
        shown = host.canary.say(arguments.word, one_line(arguments.by))
        result.outcome, result.changed = "told", True
    result.extra["canary"] = shown
    line = report.canary_line(shown) if shown else "no canary is running"
    result.message = f"told to {arguments.word}: {line}" if result.changed else line
    return result.document()


def _prepared(host: Host, lock: Lock) -> Lock:
    @contextmanager
    def locked() -> Iterator[None]:
        with lock():
            host.prepare()
            yield

    return locked


def _what(arguments: argparse.Namespace, document: Any) -> tuple[str, str]:
    """What is done and who wants it, as whoever meets the lock is told. A request names both itself."""
    asked: dict[str, Any] = document if isinstance(document, dict) else {}
    given = [asked.get("version"), *(getattr(arguments, name, None) for name in ("to", "word"))]
    target = next((it for it in given if it), None)
    by = asked.get("by") or getattr(arguments, "by", None) or "releasectl"
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
            return engine.maintenance(arguments.word == "on", arguments.by, arguments.reason)
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
    lines += [f"canary at {note}" for note in doc.get("canary") or () if isinstance(note, str)]
    if doc.get("requests"):
        seen = doc["requests"]
        lines.append(f"requests during the switch: {seen['total']}, {seen['failed']} failed")
    if doc.get("rollback"):
        lines.append(f"rollback {doc['rollback']}")
    if doc["hint"]:
        lines.append(doc["hint"])
    _say("\n".join(lines), bad)


def _say(text: str, bad: bool = False) -> bool:
    """False: nobody reads any more. A reader that went away must not stop the work."""
    try:
        print(text, file=sys.stderr if bad else sys.stdout, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return False
    return True
