"""
Reload HAProxy and verify that the new configuration runs; otherwise restore the previous one.

`systemctl reload` succeeds even if the new process fails to start: the old one continues, and the file on disk is one
that HAProxy would not start with after a reboot. A port that another process holds costs two seconds of refused
connections, since the old process releases its own ports meanwhile. Therefore new ports are checked first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import time

from ..documents.host_settings import EdgeSettings
from ..host.command import run
from ..host.files import read_text, remove_file, write_atomic
from ..model.errors import Code, Failure
from .runtime_socket import Runtime

HAPROXY = "/usr/sbin/haproxy"
COMMAND_TIMEOUT_S = 60.0
POLL_S = 0.05
BIND = re.compile(r"^\s+bind (\S*):(\d+)\b", re.MULTILINE)
MODE = 0o644
NEXT = "Fix the cause, then: ansible-playbook site.yml --limit HOST --tags edge"


def validate(settings: EdgeSettings, candidate: str) -> None:
    """
    Check `candidate`, which is about to replace the configuration, and save the current one for `reload`. Without a
    current one (somebody deleted the file) the candidate is saved. Raises Failure, OSError.
    """
    _check_config(candidate)
    current = read_text(settings.config)
    write_atomic(settings.previous_config, current if current is not None else _text(candidate), MODE)


def reload(settings: EdgeSettings, rollback: bool) -> None:
    """
    `rollback`: restore the saved configuration if HAProxy does not run with the new one. Raises Failure (code 1) after
    that; the process that served before still serves.
    """
    previous = read_text(settings.previous_config) if rollback else None
    reloaded = False
    try:
        if previous is not None:
            check_ports(_text(settings.config), previous)
        reloaded = True
        _reload_once(settings)
    except Failure as failure:
        outcome = "No file was changed in this run"
        if previous is not None:
            outcome = _restore(settings, previous, reloaded)
        raise Failure(
            Code.UNEXPECTED,
            f"HAProxy does not run with its new configuration: {failure.cause}. The previous process still serves."
            f" {outcome}.",
            NEXT,
        ) from failure
    if previous is not None:
        remove_file(settings.previous_config)


def _restore(settings: EdgeSettings, previous: str, reloaded: bool) -> str:
    """What came of it, for the message. `reloaded`: HAProxy may have seen the new file."""
    write_atomic(settings.config, previous, MODE)
    remove_file(settings.previous_config)
    outcome = "The previous file is restored"
    if reloaded:
        try:
            _reload_once(settings)
        except Failure as second:
            outcome += f", but HAProxy does not run with it either: {second.cause}"
    return outcome


def check_ports(new: str, previous: str) -> None:
    """Raises Failure if an address or a port that the new configuration adds cannot be bound."""
    known = {port for _, port in BIND.findall(previous)}
    for address, port in BIND.findall(new):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            probe = socket.socket(family)
        except OSError:
            raise _failure(
                f"Failed to bind {address}:{port}: this host has no IPv6. Set edge_addresses without it"
            ) from None
        with probe:
            if port in known:
                continue
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("" if address == "*" else address, int(port)))
            except OSError as error:
                reason = "Another process has it" if error.errno == errno.EADDRINUSE else "Check the host's addresses"
                raise _failure(
                    f"Failed to bind {address}:{port} ({error.strerror}). {reason}: ss -ltnp 'sport = :{port}'"
                ) from None


def alerts(text: str) -> str:
    """The lines that HAProxy marks as alerts; the end of the text if it marks none."""
    return "; ".join(line.strip() for line in text.splitlines() if "[ALERT]" in line)[:1500] or text.strip()[-500:]


def worker_pid(path: str) -> str | None:
    """Process id of the HAProxy that answers on its runtime socket; None if none does."""
    with contextlib.suppress(Failure):
        found = re.search(r"^Pid: (\d+)", Runtime(path, "").ask(["show info"]), re.MULTILINE)
        return found.group(1) if found else None
    return None


def _check_config(path: str) -> None:
    done = run([HAPROXY, "-c", "-f", path], COMMAND_TIMEOUT_S)
    if done.code:
        raise _failure(f"the configuration is not valid ({alerts(done.out + done.err)})")


def _reload_once(settings: EdgeSettings) -> None:
    """Raises Failure unless a new process answers."""
    _check_config(settings.config)
    before, begin = worker_pid(settings.haproxy_socket), time.time()
    done = run(["systemctl", "reload", "haproxy"], COMMAND_TIMEOUT_S)
    if done.code:
        raise _failure(f"systemctl reload haproxy failed ({done.message})")
    end = time.monotonic() + settings.reload_timeout_s
    while (now := worker_pid(settings.haproxy_socket)) is None or now == before:
        if time.monotonic() > end:
            since = f"@{int(begin)}"
            log = run(
                ["journalctl", "--no-pager", "-o", "cat", "-u", "haproxy", "--since", since], COMMAND_TIMEOUT_S
            ).out
            raise _failure(
                f"no new process answers on {settings.haproxy_socket} within {settings.reload_timeout_s:g} s"
                f" ({alerts(log)})"
            )
        time.sleep(POLL_S)


def _failure(cause: str) -> Failure:
    return Failure(Code.UNEXPECTED, cause)


def _text(path: str) -> str:
    text = read_text(path)
    if text is None:
        raise _failure(f"{path}: {os.strerror(errno.ENOENT)}")
    return text
