"""
The commands that belong to the host and not to one service: `edge`, `certificate` and `acme-probe`. They need neither a
service.json nor a record of releases. Exit codes: 0 done, 1 failed with the reason on stderr, 2 wrong usage or
settings, 8 a program is not installed or did not end in time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence

from ..documents.host_settings import TlsSettings, load, parse, read_edge, read_tls
from ..host.paths import Paths
from ..model.errors import Code, Failure


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    parsed = _parser().parse_args(arguments)
    paths = Paths(environment.get("SLIPWAY_ROOT", "/"))
    try:
        match parsed.command:
            case "edge":
                text = _edge(parsed, paths)
            case "certificate":
                text = _certificate(parsed, paths, environment)
            case _:
                # Each command imports what it needs: the other ones start without it.
                from .acme_probe import probe

                probe(_tls(paths))
                text = ""
    except (Failure, OSError) as error:
        hint = error.hint if isinstance(error, Failure) else None
        print("\n".join([str(error), *([hint] if hint else [])]), file=sys.stderr)
        return error.code if isinstance(error, Failure) else Code.UNEXPECTED
    if text:
        print(text)
    return Code.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="releasectl", description="HAProxy and its certificate on this host.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    edge = commands.add_parser("edge", help="HAProxy's configuration").add_subparsers(dest="action", required=True)
    text = "check a configuration file and save the current one for `reload --rollback`"
    edge.add_parser("validate", help=text, description=text).add_argument("file", metavar="FILE")
    text = "reload HAProxy and verify that the new configuration runs"
    edge.add_parser("reload", help=text, description=text).add_argument(
        "--rollback", action="store_true", help="restore the configuration that `validate` has saved if it does not"
    )
    actions = commands.add_parser("certificate", help="HAProxy's certificate").add_subparsers(
        dest="action", required=True
    )
    text = "print as JSON what a converge would do; empty values: nothing"
    actions.add_parser("state", help=text, description=text).add_argument(
        "--settings", metavar="JSON", help="instead of /etc/slipway/tls.json, for example for a check before it changes"
    )
    for name, text in (
        ("install", "install certbot's certificate in HAProxy; certbot's hook (RENEWED_LINEAGE in the environment)"),
        ("retry", "install it if an earlier `install` has failed"),
        ("account", "give the ACME server the account's address"),
    ):
        actions.add_parser(name, help=text, description=text)
    text = "check that port 80 of each name of the certificate leads to this host"
    commands.add_parser("acme-probe", help=text, description=text)
    return parser


def _edge(parsed: argparse.Namespace, paths: Paths) -> str:
    from .reload import reload, validate

    settings = load(os.path.join(paths.etc, "edge.json"), read_edge)
    if parsed.action == "validate":
        validate(settings, parsed.file)
    else:
        reload(settings, parsed.rollback)
    return ""


def _tls(paths: Paths) -> TlsSettings:
    return load(os.path.join(paths.etc, "tls.json"), read_tls)


def _certificate(parsed: argparse.Namespace, paths: Paths, environment: Mapping[str, str]) -> str:
    from .certificate import install, install_reason, state, update_account
    from .renewal import Certbot

    given = getattr(parsed, "settings", None)
    settings = parse(given, "--settings", read_tls) if given else _tls(paths)
    certbot = Certbot(settings, paths.at("/etc/letsencrypt"))
    if parsed.action == "state":
        return json.dumps(state(settings, certbot))
    if parsed.action == "account":
        update_account(settings, certbot)
        return ""
    if parsed.action == "retry" and not install_reason(settings, certbot):
        return ""
    return install(settings, certbot, environment.get("RENEWED_LINEAGE") or certbot.lineage)
