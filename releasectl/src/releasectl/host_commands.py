"""
The commands that belong to the host and not to one service: `edge`, `certificate`, `acme-probe`, `backup`, `restore`
and `record-converge`. They need no service.json. Exit codes: 0 done, 1 failed with the reason on stderr, 2 wrong usage
or settings, 8 a program is not installed or did not end in time; of `backup` and `restore` those of docs/releasectl.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

from .arguments import read_document
from .documents.host_settings import TlsSettings, load, parse, read_edge, read_tls
from .host.paths import Paths
from .host.process import require_root
from .model.errors import Code, Failure


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    parsed = _parser().parse_args(arguments)
    paths = Paths(environment.get("SLIPWAY_ROOT", "/"))
    try:
        match parsed.command:
            case "edge":
                text = _edge(parsed, paths)
            case "certificate":
                text = _certificate(parsed, paths, environment)
            case "backup" | "restore":
                text = _backup(parsed, paths)
            case "record-converge":
                text = _record_converge(parsed, paths)
            case _:
                # Each command imports what it needs: the other ones start without it.
                from .edge.acme_probe import probe

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
    parser = argparse.ArgumentParser(
        prog="releasectl", description="HAProxy, its certificate and the backup of this host."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    edge = commands.add_parser("edge", help="HAProxy's configuration").add_subparsers(dest="action", required=True)
    text = "check a configuration file and save the current one for `reload --rollback`"
    edge.add_parser("validate", help=text, description=text).add_argument("file", metavar="FILE")
    text = "reload HAProxy and verify that the new configuration runs"
    edge.add_parser("reload", help=text, description=text).add_argument(
        "--rollback",
        action="store_true",
        help="if the new configuration does not run, restore the one that `validate` saved",
    )
    actions = commands.add_parser("certificate", help="HAProxy's certificate").add_subparsers(
        dest="action", required=True
    )
    text = "print what a converge would do, as JSON; an empty value means no action"
    actions.add_parser("state", help=text, description=text).add_argument(
        "--settings", metavar="JSON", help="instead of /etc/slipway/tls.json, for example for a check before it changes"
    )
    for name, text in (
        ("install", "install certbot's certificate in HAProxy; certbot's hook (RENEWED_LINEAGE in the environment)"),
        ("retry", "repeat `install` if an earlier one failed"),
        ("account", "update the e-mail address of the ACME account"),
    ):
        actions.add_parser(name, help=text, description=text)
    text = "check that port 80 of each name of the certificate leads to this host"
    commands.add_parser("acme-probe", help=text, description=text)
    text = "write records with secrets, certificate and ACME account of this host to a file; print its manifest as JSON"
    commands.add_parser("backup", help=text, description=text).add_argument("file", metavar="FILE")
    text = "restore a backup on a host without records"
    command = commands.add_parser("restore", help=text, description=text)
    command.add_argument("file", metavar="FILE")
    command.add_argument("--force", action="store_true", help="replace the records of this host")
    text = "(for playbooks) record what a converge has changed; print the result as JSON"
    command = commands.add_parser("record-converge", help=text, description=text)
    command.add_argument("--request", metavar="FILE", required=True, help="as JSON; - reads standard input")
    return parser


def _backup(parsed: argparse.Namespace, paths: Paths) -> str:
    require_root(parsed.command)
    if parsed.command == "backup":
        from .host.backup import backup

        return json.dumps(backup(paths, parsed.file))
    from .host.restore import restore

    return json.dumps(restore(paths, parsed.file, parsed.force))


def _record_converge(parsed: argparse.Namespace, paths: Paths) -> str:
    """The files of the host, and a line in the history of each service."""
    from .adapter import Devices
    from .commands.converge import describe, record
    from .commands.result import Result
    from .documents.converge import read_converge
    from .host import converged
    from .host.lock import lock_of
    from .host.service_config import load_config

    require_root(parsed.command)
    it = read_converge(read_document(parsed.request))
    try:
        changed = converged.record(paths, it.files, it.left, it.by, time.time())
    except OSError as error:
        raise Failure(Code.PREFLIGHT, f"Failed to write {paths.converged}: {error.strerror or error}") from error
    text = describe(it.roles, changed)
    result = Result("?", outcome="unchanged", message="no file of the roles has changed")
    if text:
        result.outcome, result.changed, result.message = "recorded", True, text
    for service in paths.services() if text else ():
        try:
            config = load_config(paths, service)
            devices = Devices(paths, config)
            with lock_of(paths.lock(service), "record-converge", it.by, config.deadlines.lock)():
                result.warnings += record(devices.host, it.by, it.reason, text, os.urandom(6).hex())
        except Failure as failure:
            result.warnings.append(f"Failed to record the converge in the history of {service}: {failure.cause}")
    return json.dumps(result.document(), ensure_ascii=False)


def _edge(parsed: argparse.Namespace, paths: Paths) -> str:
    from .edge.reload import reload, validate

    settings = load(os.path.join(paths.etc, "edge.json"), read_edge)
    if parsed.action == "validate":
        validate(settings, parsed.file)
    else:
        reload(settings, parsed.rollback)
    return ""


def _tls(paths: Paths) -> TlsSettings:
    return load(os.path.join(paths.etc, "tls.json"), read_tls)


def _certificate(parsed: argparse.Namespace, paths: Paths, environment: Mapping[str, str]) -> str:
    from .edge.certbot import Certbot
    from .edge.certificate import install, install_reason, state, update_account

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
