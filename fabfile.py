"""
On-call shortcuts over the same inventory as the playbooks: fab status, fab rollback, fab canary, fab logs …

They need no Ansible while the copy of the inventory (.slipway/inventory-<env>.json) is as new as the inventory itself,
so they are quick, and they still work when Ansible does not. Ends with releasectl's exit codes (docs/releasectl.md);
255: a host could not be reached or is not who it should be.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import paramiko
from invoke import Context, Exit, task

from tools.inventory import Target, Unknown, targets
from tools.ssh_access import connect
from tools.ssh_options import Refused

RELEASECTL = "/usr/local/bin/releasectl"
UNREACHABLE = 255


class Lines:
    """A stream that passes on whole lines, each as `shape` makes it."""

    def __init__(self, stream: Any, shape: Callable[[str], str]) -> None:
        self.stream, self.shape, self.rest = stream, shape, ""
        self.encoding = "utf-8"

    def write(self, text: str) -> None:
        *lines, self.rest = (self.rest + text.replace("\r\n", "\n")).split("\n")
        if lines:
            self.stream.write("".join(f"{self.shape(line)}\n" for line in lines))

    def flush(self) -> None:
        self.stream.flush()

    def close(self) -> None:
        if self.rest:
            self.write("\n")


def on_host(target: Target, command: str, shape: Callable[[str], str], follow: bool) -> int:
    """Run as root, its output passed on line by line; returns its exit code. `follow`: it ends with our leaving."""
    try:
        with connect(target) as connection:
            out, err = Lines(sys.stdout, shape), Lines(sys.stderr, shape)
            # A terminal makes the host end a follower when we are gone.
            done = connection.run(
                f"sudo -n {command}", warn=True, in_stream=False, pty=follow, out_stream=out, err_stream=err,
                encoding="utf-8",
            )  # fmt: skip
            for stream in (out, err):
                stream.close()
            return int(done.return_code)
    except Refused as trouble:
        print(f"{target.name}: {trouble}", file=sys.stderr)
        return UNREACHABLE
    except (OSError, EOFError, paramiko.SSHException) as error:
        print(f"{target.name}: the connection ended: {error}; see `fab status`", file=sys.stderr)
        return UNREACHABLE


def on_all(
    env: str, host: str, service: str, command: Callable[[Target], str],
    shape: Callable[[str], str] = str, follow: bool = False,
) -> None:  # fmt: skip
    """On every host at once. Raises Exit with the worst of their exit codes."""
    try:
        chosen = [replace(it, service=service or it.service) for it in targets(env, host)]
    except Unknown as trouble:
        raise Exit(str(trouble), 2) from None
    codes: dict[str, int] = {}
    width = max(len(it.name) for it in chosen)

    def work(target: Target) -> None:
        def named(line: str) -> str:
            return f"{target.name:{width}} | {shape(line)}"

        codes[target.name] = on_host(target, command(target), named if len(chosen) > 1 else shape, follow)

    threads = [threading.Thread(target=work, args=(it,), daemon=True) for it in chosen]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        raise Exit(None if follow else "left; what was begun on a host goes on there: `fab events -f`", 130) from None
    code = max((codes.get(it.name, UNREACHABLE) for it in chosen), default=0)
    if code:
        raise Exit(code=code)


def releasectl(*words: str) -> Callable[[Target], str]:
    return lambda target: shlex.join([RELEASECTL, "--service", target.service, *words])


def whoami() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def event_line(line: str) -> str:
    """An event as a person reads it; what is none stays as it is."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        event = json.loads(line)
        took = f"{event['seconds']:8.3f} s" if "seconds" in event else " " * 10
        text = f"{event['at']}  {event['phase']:10} {event['event']:8}{took}  {event.get('version', '')}"
        return text.rstrip() + (f"  {event['cause']}" if event.get("cause") else "")
    return line


def logs_command(target: Target, number: int, follow: bool, slot: str) -> str:
    """Of the container that has the traffic, unless a slot is named."""
    name = f"/var/lib/slipway/{target.service}/live.map"
    words = ["docker", "logs", "--timestamps", "--tail", str(number), *(["--follow"] if follow else [])]
    live = shlex.quote(slot) if slot else f"$(sed -n 's/^live //p' {shlex.quote(name)})"
    return shlex.join(["sh", "-c", f"exec {shlex.join(words)} {shlex.quote(target.service)}-{live}"])


# The tasks.

COMMON = {
    "env": "inventory: local, dev, staging or prod", "host": "one host of it; without it all of them",
    "service": "one of service_others; without it the first one",
}  # fmt: skip
FOLLOW = {**COMMON, "number": "how many lines back", "follow": "go on with those to come"}


@task(help=COMMON)
def status(context: Context, env: str = "local", host: str = "", service: str = "") -> None:
    """What is live, how it is, and what the way back is."""
    on_all(env, host, service, releasectl("status"))


@task(help={**COMMON, "to": "version or release id; without it the release before", "reason": "for the history"})
def rollback(
    context: Context, env: str = "local", host: str = "", service: str = "", to: str = "", reason: str = ""
) -> None:
    """Take it back. Needs no registry, no AWS, no Ansible."""
    words = [f"--by={whoami()}", f"--reason={reason}"]
    on_all(env, host, service, releasectl("rollback", *([f"--to={to}"] if to else []), *words))


@task(help={**COMMON, "command": "promote, abort, hold or status"})
def canary(context: Context, command: str, env: str = "local", host: str = "", service: str = "") -> None:
    """Control a running canary: promote, abort, hold, status."""
    on_all(env, host, service, releasectl("canary", command, *([] if command == "status" else ["--by", whoami()])))


@task(help={**COMMON, "word": "on or off", "reason": "for those who look at the status"})
def maintenance(
    context: Context, word: str, env: str = "local", host: str = "", service: str = "", reason: str = ""
) -> None:
    """Take the traffic away (on), so that the edge answers for the service, or give it back (off)."""
    on_all(env, host, service, releasectl("maintenance", word, f"--by={whoami()}", f"--reason={reason}"))


@task(help={**COMMON, "number": "how many, the newest first"})
def history(context: Context, env: str = "local", host: str = "", service: str = "", number: int = 20) -> None:
    """Ended rollouts and rollbacks: who, why, how long."""
    on_all(env, host, service, releasectl("history", "-n", str(number)))


@task(help={**FOLLOW, "slot": "blue or green; without it the live one"})
def logs(
    context: Context,
    env: str = "local",
    host: str = "",
    service: str = "",
    number: int = 100,
    follow: bool = False,
    slot: str = "",
) -> None:
    """The container's log."""
    on_all(env, host, service, lambda it: logs_command(it, number, follow, slot), follow=follow)


@task(help=FOLLOW)
def events(
    context: Context, env: str = "local", host: str = "", service: str = "", number: int = 50, follow: bool = False
) -> None:
    """What the engine did, phase by phase."""
    words = ["events", "-n", str(number), *(["--follow"] if follow else [])]
    on_all(env, host, service, releasectl(*words), event_line, follow)


@task(help=COMMON)
def recover(context: Context, env: str = "local", host: str = "", service: str = "") -> None:
    """Finish or undo interrupted work and make the hosts agree with their records."""
    on_all(env, host, service, releasectl("recover"))
