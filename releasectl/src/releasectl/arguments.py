"""The arguments of the command line, their help, and the request that they make."""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from typing import Any

from .documents.request import read_env_file
from .model.errors import Code, Failure

# Of the host, not of one service (host_commands.py).
HOST_COMMANDS = ("edge", "certificate", "acme-probe", "backup", "restore", "record-converge")


# A fixed width: argparse would import shutil to query the terminal's (docs/startup.md).
class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=100), **options)


def parser() -> argparse.ArgumentParser:
    about = (
        "Deploy, roll back and inspect the releases of a service on this host. "
        f"Commands for the host itself: {', '.join(HOST_COMMANDS)} (each with --help)."
    )
    top = _Parser(prog="releasectl", description=about)
    top.add_argument("--service", help="name of the service; not needed if the host has only one")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, text: str) -> _Parser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="print one JSON document, on the last line")
        return command

    command = add("status", "show whether clients are served, what is live, and each problem with its fix")
    command.add_argument(
        "--inventory-version", default="", metavar="V", help="version that should be live; default: of the last deploy"
    )
    command.add_argument("--watch", action="store_true", help="refresh every two seconds")
    command = commands.add_parser("metrics", help="print the status as Prometheus metrics")
    command.add_argument(
        "--output", metavar="FILE", help="write the metrics to FILE, atomically; default: standard output"
    )
    command = add("history", "ended rollouts and rollbacks, the newest first")
    command.add_argument("-n", type=int, default=20, dest="count", metavar="N")
    command = add("diff", "compare two recorded releases: names only, never values")
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
    command.add_argument("--by", default=_user(), metavar="NAME", help="operator, recorded in the history")
    command = add("maintenance", "switch all traffic to the maintenance page, or back; the live release stays live")
    command.add_argument("switch", choices=["on", "off"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="operator, recorded in the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="reason, shown in the status and in the history")
    command.add_argument("--force", action="store_true", help="end a maintenance of another operator")
    command.add_argument(
        "--until-reboot", action="store_true", help="wait until nothing is in flight; the next boot ends it"
    )
    command = add("rollback", "make a recorded release live; needs no registry")
    command.add_argument("--to", metavar="VERSION|ID", help="default: the release that was live before")
    _who(command)
    command = add("recover", "finish or undo interrupted work, and repair drift from the records")
    command.add_argument(
        "--live",
        metavar="SLOT",
        choices=["blue", "green"],
        help="the slot that is live, if recovery cannot determine it",
    )
    command.add_argument(
        "--repair",
        action="store_true",
        help="also repair timers, masked units, HAProxy's map and the certificate, as the recovery timer does",
    )
    command = add("prune", "remove releases and images beyond the retained ones")
    command.add_argument("--dry-run", action="store_true")
    command = add("record-upgrade", "record an upgrade of packages, which playbooks/upgrade.yml has made")
    command.add_argument("--request", required=True, metavar="FILE", help="what it did as JSON; - reads standard input")
    command = add("events", "print what the engine did, as JSON lines")
    command.add_argument("--follow", action="store_true")
    command.add_argument("-n", type=int, default=50, dest="count", metavar="N")
    command = commands.add_parser("run-slot", help="(for systemd) run as the main process of a slot")
    command.add_argument("slot", choices=["blue", "green"])
    return top


def _who(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", default=_user(), metavar="NAME", help="operator, recorded in the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="reason, recorded in the history")
    command.add_argument("--dry-run", action="store_true", help="print what would change; change nothing")


def _user() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"


def request_of(arguments: argparse.Namespace) -> Any:
    """Of `deploy`: the document of --request, or what the options say. Raises Failure (code 2)."""
    if arguments.request:
        return read_document(arguments.request)
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


def read_document(path: str) -> Any:
    """`path`: as --request has it; -: standard input. Raises Failure (code 2)."""
    try:
        with open(0 if path == "-" else path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(Code.USAGE, f"--request {path}: {error}") from error
