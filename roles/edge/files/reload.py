#!/usr/bin/env python3
"""Make the running HAProxy take the configuration that was just installed, or put the one before back, and say why.

    reload.py SOCKET TIMEOUT_S [FILE=BACKUP]     BACKUP: what FILE was before; it goes when HAProxy runs with FILE

`systemctl reload` says that all is well when the new process fails to start: the old one goes on, with a file on the
disk that HAProxy would not start with after a reboot. And a port that somebody else has costs two seconds of refused
connections, for the old process lets go of its own meanwhile: so it is looked at first.
"""

from __future__ import annotations

import errno
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path("/etc/haproxy/haproxy.cfg")
BIND = re.compile(r"^\s+bind (\S*):(\d+)\b", re.MULTILINE)


class Problem(Exception):
    """What is wrong, and what to do."""


def run(*argv: str) -> tuple[int, str]:
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60, check=False
    )
    return done.returncode, done.stdout


def alerts(text: str) -> str:
    """What HAProxy says is wrong; all of it where it marks nothing."""
    return "; ".join(line.strip() for line in text.splitlines() if "[ALERT]" in line)[:1500] or text.strip()[-500:]


def worker(path: str) -> str | None:
    """Process id of the HAProxy that answers on its runtime socket; None: nobody does."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(path)
            link.sendall(b"show info\n")
            text = link.makefile().read()
    except OSError:
        return None
    found = re.search(r"^Pid: (\d+)", text, re.MULTILINE)
    return found.group(1) if found else None


def check_ports(wanted: str, before: str) -> None:
    """Raises Problem when an address or a port that the new configuration adds is not to be had."""
    known = {port for _, port in BIND.findall(before)}
    for address, port in BIND.findall(wanted):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            probe = socket.socket(family)
        except OSError:
            raise Problem(
                f"{address}:{port} cannot be listened on: this host has no IPv6. Set edge_addresses without it"
            ) from None
        with probe:
            if port in known:
                continue
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("" if address == "*" else address, int(port)))
            except OSError as error:
                holder = "Another process has it" if error.errno == errno.EADDRINUSE else "See the host's addresses"
                raise Problem(
                    f"{address}:{port} cannot be listened on ({error.strerror}). {holder}: ss -ltnp 'sport = :{port}'"
                ) from None


def reload(path: str, timeout_s: float) -> None:
    """Raises Problem unless a new process answers."""
    code, said = run("/usr/sbin/haproxy", "-c", "-f", str(CONFIG))
    if code:
        raise Problem(f"it is not valid ({alerts(said)})")
    before, begin = worker(path), time.time()
    code, said = run("systemctl", "reload", "haproxy")
    if code:
        raise Problem(f"systemd did not reload it ({said.strip()})")
    end = time.monotonic() + timeout_s
    while (now := worker(path)) is None or now == before:
        if time.monotonic() > end:
            said = run("journalctl", "--no-pager", "-o", "cat", "-u", "haproxy", "--since", f"@{int(begin)}")[1]
            raise Problem(f"no new process answers on {path} within {timeout_s:g} s ({alerts(said)})")
        time.sleep(0.05)


def put_back(file: Path, backup: Path) -> None:
    """In one step, from another file system."""
    beside = file.with_name(f".{file.name}.before")
    shutil.copy2(backup, beside)
    beside.replace(file)
    backup.unlink()


def main(arguments: list[str]) -> int:
    path, timeout_s = arguments[0], float(arguments[1])
    backups = {Path(file): Path(backup) for file, backup in (pair.split("=", 1) for pair in arguments[2:])}
    tried = False
    try:
        if CONFIG in backups:
            check_ports(CONFIG.read_text(), backups[CONFIG].read_text())
        tried = True
        reload(path, timeout_s)
    except Problem as problem:
        for file, backup in backups.items():
            put_back(file, backup)
        went_back = "The file of before is back" if backups else "No file was changed in this run"
        if tried and backups:
            try:
                reload(path, timeout_s)
            except Problem as second:
                went_back += f", but HAProxy does not take it either: {second}"
        print(
            f"HAProxy did not take its new configuration: {problem}. The process of before goes on as it was."
            f" {went_back}. Mend the cause, then: ansible-playbook site.yml --tags edge",
            file=sys.stderr,
        )
        return 1
    for backup in backups.values():
        backup.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
