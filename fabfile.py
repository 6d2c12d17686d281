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
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paramiko
from fabric import Connection
from invoke import Context, Exit, task

from scripts.inventory import Target, Unknown, targets

RELEASECTL = "/usr/local/bin/releasectl"
UNREACHABLE = 255
CONNECT_S = 10


@dataclass(frozen=True)
class SshArgs:
    """What is understood of OpenSSH's arguments. Host keys are checked strictly, whatever they say."""

    known_hosts: tuple[str, ...]
    proxy_command: str | None


def read_ssh_args(text: str, key: str = "") -> SshArgs:
    words = shlex.split(text)
    options: dict[str, str] = {}
    jump = ""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "-o" or (word.startswith("-o") and "=" in word):
            name, _, value = (following if word == "-o" else word[2:]).partition("=")
            options.setdefault(name.strip().lower(), value.strip())
        elif word == "-J":
            jump = following
    files = tuple(os.path.expanduser(it) for it in options.get("userknownhostsfile", "~/.ssh/known_hosts").split())
    jump = options.get("proxyjump", jump)
    proxy = options.get("proxycommand")
    if jump and not proxy:
        identity = ["-i", key] if key else []
        known = ["-o", f"UserKnownHostsFile={' '.join(files)}", "-o", "StrictHostKeyChecking=yes"]
        proxy = shlex.join(["ssh", *identity, *known, "-o", "BatchMode=yes", "-W"]) + f" %h:%p {shlex.quote(jump)}"
    return SshArgs(files, proxy)


def connect(target: Target, context: Context | None = None) -> Connection:
    """An open connection to a host whose key is known. Raises Exit (255) that says what is wrong."""
    given = read_ssh_args(target.ssh_args, target.key)
    there = [path for path in given.known_hosts if os.path.isfile(path)]
    if not there:
        files = ", ".join(given.known_hosts)
        raise Exit(f"{target.name}: nobody can say who it is: there is no known_hosts file ({files})", UNREACHABLE)
    keys = {"key_filename": target.key, "look_for_keys": False, "allow_agent": False} if target.key else {}
    connection = Connection(
        target.address, user=target.user or None, port=target.port, config=context.config if context else None,
        gateway=given.proxy_command, connect_timeout=CONNECT_S, connect_kwargs={"auth_timeout": CONNECT_S, **keys},
    )  # fmt: skip
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    for path in there:
        connection.client.load_system_host_keys(path)
    try:
        connection.open()
    except (OSError, paramiko.SSHException, EOFError) as error:
        raise Exit(f"{target.name}: {why(error, target)}", UNREACHABLE) from None
    return connection


def why(error: Exception, target: Target) -> str:
    """One line that a tired person can act upon."""
    where = f"{target.address}:{target.port}"
    if isinstance(error, paramiko.BadHostKeyException):
        return f"{where} shows another host key than known_hosts has; do not go on before you know why"
    if isinstance(error, paramiko.AuthenticationException):
        return f"{target.user or getpass.getuser()} is not let in on {where} with {target.key or 'your own keys'}"
    if "not found in known_hosts" in str(error):
        return f"{where} is not in the inventory's known_hosts"
    if isinstance(error, FileNotFoundError):
        return f"no key at {error.filename}" if error.filename == target.key else f"{error.filename}: not found here"
    cause = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    proxy = read_ssh_args(target.ssh_args, target.key).proxy_command
    return f"no connection to {where}: {cause}" + (f" (by way of: {proxy})" if proxy else "")


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


def on_host(context: Context, target: Target, command: str, shape: Callable[[str], str], follow: bool) -> int:
    """Run as root, its output passed on line by line; returns its exit code. `follow`: it ends with our leaving."""
    try:
        with connect(target, context) as connection:
            out, err = Lines(sys.stdout, shape), Lines(sys.stderr, shape)
            # A terminal makes the host end a follower when we are gone.
            done = connection.run(
                f"sudo -n {command}", warn=True, in_stream=False, pty=follow, out_stream=out, err_stream=err,
                encoding="utf-8",
            )  # fmt: skip
            for stream in (out, err):
                stream.close()
            return int(done.return_code)
    except Exit as trouble:
        print(trouble.message, file=sys.stderr)
        return int(trouble.code)
    except (OSError, EOFError, paramiko.SSHException) as error:
        print(f"{target.name}: the connection ended: {error}; see `fab status`", file=sys.stderr)
        return UNREACHABLE


def on_all(
    context: Context, env: str, host: str, command: Callable[[Target], str],
    shape: Callable[[str], str] = str, follow: bool = False,
) -> None:  # fmt: skip
    """On every host at once. Raises Exit with the worst of their exit codes."""
    try:
        chosen = targets(env, host)
    except Unknown as trouble:
        raise Exit(str(trouble), 2) from None
    codes: dict[str, int] = {}
    width = max(len(it.name) for it in chosen)

    def work(target: Target) -> None:
        def named(line: str) -> str:
            return f"{target.name:{width}} | {shape(line)}"

        codes[target.name] = on_host(context, target, command(target), named if len(chosen) > 1 else shape, follow)

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

COMMON = {"env": "inventory: local, dev, staging or prod", "host": "one host of it; without it all of them"}
FOLLOW = {**COMMON, "number": "how many lines back", "follow": "go on with those to come"}


@task(help=COMMON)
def status(context: Context, env: str = "local", host: str = "") -> None:
    """What is live, how it is, and what the way back is."""
    on_all(context, env, host, releasectl("status"))


@task(help={**COMMON, "to": "version or release id; without it the release before", "reason": "for the history"})
def rollback(context: Context, env: str = "local", host: str = "", to: str = "", reason: str = "") -> None:
    """Take it back. Needs no registry, no AWS, no Ansible."""
    words = ["--by", whoami(), "--reason", reason]
    on_all(context, env, host, releasectl("rollback", *(["--to", to] if to else []), *words))


@task(help={**COMMON, "word": "promote, abort, hold or status"})
def canary(context: Context, word: str, env: str = "local", host: str = "") -> None:
    """Speak to the canary that runs: promote, abort, hold, status."""
    on_all(context, env, host, releasectl("canary", word, *([] if word == "status" else ["--by", whoami()])))


@task(help={**COMMON, "word": "on or off", "reason": "for those who look at the status"})
def maintenance(context: Context, word: str, env: str = "local", host: str = "", reason: str = "") -> None:
    """Take the traffic away (on), so that the edge answers for the service, or give it back (off)."""
    on_all(context, env, host, releasectl("maintenance", word, "--by", whoami(), "--reason", reason))


@task(help={**COMMON, "number": "how many, the newest first"})
def history(context: Context, env: str = "local", host: str = "", number: int = 20) -> None:
    """Ended rollouts and rollbacks: who, why, how long."""
    on_all(context, env, host, releasectl("history", "-n", str(number)))


@task(help={**FOLLOW, "slot": "blue or green; without it the live one"})
def logs(
    context: Context, env: str = "local", host: str = "", number: int = 100, follow: bool = False, slot: str = ""
) -> None:
    """The container's log."""
    on_all(context, env, host, lambda it: logs_command(it, number, follow, slot), follow=follow)


@task(help=FOLLOW)
def events(context: Context, env: str = "local", host: str = "", number: int = 50, follow: bool = False) -> None:
    """What the engine did, phase by phase."""
    words = ["events", "-n", str(number), *(["--follow"] if follow else [])]
    on_all(context, env, host, releasectl(*words), event_line, follow)


@task(help=COMMON)
def recover(context: Context, env: str = "local", host: str = "") -> None:
    """Finish or undo interrupted work and make the hosts agree with their records."""
    on_all(context, env, host, releasectl("recover"))
