"""The arguments of the command line, and their help."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Any


# A fixed width: argparse would import shutil to query the terminal's (docs/startup.md).
class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=100), **options)


def parser() -> argparse.ArgumentParser:
    about = (
        "Deploy, roll back and inspect the releases of a service on this host. "
        "Commands for the host itself: edge, certificate, acme-probe (each with --help)."
    )
    top = _Parser(prog="releasectl", description=about)
    top.add_argument("--service", help="name of the service; not needed if the host has only one")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

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
    command.add_argument("--by", default=_user(), metavar="NAME", help="operator, recorded in the history")
    command = add("maintenance", "switch all traffic to the maintenance page, or back; the live release stays live")
    command.add_argument("switch", choices=["on", "off"])
    command.add_argument("--by", default=_user(), metavar="NAME", help="operator, recorded in the history")
    command.add_argument("--reason", default="", metavar="TEXT", help="reason, shown in the status and in the history")
    command.add_argument("--force", action="store_true", help="end a maintenance of another operator")
    command = add("rollback", "make a recorded release live; needs no registry")
    command.add_argument("--to", metavar="VERSION|ID", help="default: the release that was live before")
    _who(command)
    command = add("recover", "finish or undo interrupted work and repair what differs from the record")
    command.add_argument(
        "--live", metavar="SLOT", choices=["blue", "green"], help="the slot that is live, if recovery cannot tell"
    )
    command.add_argument(
        "--repair", action="store_true", help="also repair what surrounds the service, as the timer does"
    )
    command = add("prune", "remove releases and images beyond the retained ones")
    command.add_argument("--dry-run", action="store_true")
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
