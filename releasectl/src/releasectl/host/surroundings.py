"""Looks at what surrounds a service on its host, for the status. Reads, and changes nothing."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..documents.timestamps import parse
from ..model.errors import Failure
from ..rollout.surroundings import Backup, DiskRoom, Unit
from .command import Running
from .files import read_text
from .paths import Paths

T = TypeVar("T")
TIMEOUT_S = 5.0
# A resolver that is down would keep a person waiting for up to half a minute.
RESOLVE_S = 0.6
CONNECT_S = 0.5
HTTPS = 443
PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState", "ConditionResult", "MainPID")


def begin(work: Callable[[], T]) -> Callable[[], T]:
    """Runs `work` beside the rest; the returned function waits for what it answers, or raises what it raised."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def answer() -> T:
        thread.join()
        if errors:
            raise errors[0]
        return answers[0]

    return answer


def request_units(names: Sequence[str]) -> Callable[[], dict[str, Unit]]:
    """Sends the query; the returned function waits for the answer. Empty: systemd does not answer."""
    try:
        process = Running(("systemctl", "show", f"--property={','.join(PROPERTIES)}", *names))
    except Failure:
        return dict

    def answer() -> dict[str, Unit]:
        try:
            return parse_units(process.finish(TIMEOUT_S).out)
        except Failure:
            return {}

    return answer


def parse_units(text: str) -> dict[str, Unit]:
    """Of `systemctl show`: a paragraph for each unit."""
    found = {}
    for paragraph in text.split("\n\n"):
        pairs = (line.partition("=") for line in paragraph.splitlines())
        values = {name: value for name, _, value in pairs}
        if name := values.get("Id"):
            load, active, enabled, condition, pid = (values.get(it, "") for it in PROPERTIES[1:])
            # "no" is also what a unit says that was never started: it is a reason only for one that is to run.
            skipped = condition == "no" and active == "inactive" and enabled == "enabled"
            found[name] = Unit(load, active, enabled, skipped, int(pid or 0))
    return found


def clock_synchronized(paths: Paths) -> bool | None:
    """As systemd-timesyncd.service(8) says so; None: something else sets the clock."""
    directory = paths.at("/run/systemd/timesync")
    return os.path.exists(os.path.join(directory, "synchronized")) if os.path.isdir(directory) else None


def read_room(path: str) -> DiskRoom | None:
    """None: nothing is known of it."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return DiskRoom(path, disk.f_bavail * disk.f_frsize // 2**20, disk.f_favail if disk.f_files else None)


def read_backup(paths: Paths) -> Backup | None:
    """None: this host is not backed up, or nothing is known of it."""
    try:
        begun = os.stat(paths.backup_settings).st_mtime
        doc = json.loads(read_text(paths.backup_result) or "{}")
        stored, since = doc.get("stored"), doc.get("failing_since")
        return Backup(parse(stored) if stored else begun, parse(since) if since else None, str(doc.get("cause") or ""))
    except (OSError, ValueError, AttributeError):
        return None


def registry_error(image: str) -> str:
    """Why the registry of an image cannot be reached; empty: it can, or the image names none."""
    name, _, port = image.partition("/")[0].partition(":")
    if "/" not in image or ("." not in name and not port and name != "localhost"):
        return ""
    return reach_error("the registry", name, int(port or HTTPS))


def reach_error(what: str, name: str, port: int, address: str = "") -> str:
    """
    Why a TCP connection to a server cannot be made; empty: it can. `what` it is called in the message. `address`: where
    the name leads, if DNS is not asked.
    """
    found: list[tuple[socket.AddressFamily, tuple[str, int]] | OSError] = []

    def resolve() -> None:
        try:
            answer = socket.getaddrinfo(address or name, port, type=socket.SOCK_STREAM)
            found.append((answer[0][0], (str(answer[0][4][0]), int(answer[0][4][1]))))
        except (OSError, ValueError) as error:
            found.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(RESOLVE_S)
    if not found:
        return f"{what}'s name {name} does not resolve within {RESOLVE_S:g} s"
    answer = found[0]
    if isinstance(answer, OSError):
        return f"{what}'s name {name} does not resolve ({answer.strerror or answer})"
    family, at = answer
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_S)
            connection.connect(at)
    except OSError as error:
        return f"{what} {name} does not answer at {at[0]}:{at[1]} ({error.strerror or error})"
    return ""
