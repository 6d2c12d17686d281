"""
On-call shortcuts over the same inventory as the playbooks: fab status, fab rollback, fab canary, fab logs …

They do not need Ansible as long as the cached inventory (.slipway/inventory-<env>.json) is as new as the inventory
itself, so they are fast and still work when Ansible does not. The exit codes are those of releasectl
(docs/releasectl.md); 255: a host is unreachable or its host key cannot be verified.
"""

from __future__ import annotations

import contextlib
import getpass
import io
import json
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import paramiko
from invoke import Context, Exit, task

from tools.inventory import Target, Unknown, targets
from tools.ssh_access import connect
from tools.ssh_options import Refused
from tools.status_table import code_of, table

RELEASECTL = "/usr/local/bin/releasectl"
UNREACHABLE = 255
WATCH_S = 2.0
# ECMA-48: the cursor to the top, and erase the screen.
CLEAR = "\x1b[H\x1b[2J"


class Lines:
    """A stream that passes on whole lines, each formatted by `shape`."""

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


def on_host(
    target: Target, command: str, shape: Callable[[str], str], follow: bool, into: io.StringIO | None = None
) -> int:
    """
    Run as root and pass the output on line by line; returns the exit code. `follow`: stop it when we disconnect.
    `into`: instead of our own output.
    """
    try:
        with connect(target) as connection:
            out, err = Lines(into or sys.stdout, shape), Lines(into or sys.stderr, shape)
            # With a terminal the host ends a following command when the connection closes.
            done = connection.run(
                f"sudo -n {command}", warn=True, in_stream=False, pty=follow, out_stream=out, err_stream=err,
                encoding="utf-8",
            )  # fmt: skip
            for stream in (out, err):
                stream.close()
            return int(done.return_code)
    except Refused as trouble:
        print(f"{target.name}: {trouble}", file=into or sys.stderr)
        return UNREACHABLE
    except (OSError, EOFError, paramiko.SSHException) as error:
        print(f"{target.name}: connection lost: {error}; check with `fab status`", file=into or sys.stderr)
        return UNREACHABLE


def choose(env: str, host: str, service: str) -> list[Target]:
    """Raises Exit for an environment or a host that is unknown."""
    try:
        return [replace(it, service=service or it.service) for it in targets(env, host)]
    except Unknown as trouble:
        raise Exit(str(trouble), 2) from None


def on_all(
    env: str, host: str, service: str, command: Callable[[Target], str],
    shape: Callable[[str], str] = str, follow: bool = False,
) -> None:  # fmt: skip
    """Run on all hosts in parallel. Raises Exit with the highest exit code."""
    chosen = choose(env, host, service)
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
        raise Exit(
            None if follow else "interrupted; commands already started on the hosts continue: `fab events -f`", 130
        ) from None
    code = max((codes.get(it.name, UNREACHABLE) for it in chosen), default=0)
    if code:
        raise Exit(code=code)


def releasectl(*words: str) -> Callable[[Target], str]:
    return lambda target: shlex.join([RELEASECTL, "--service", target.service, *words])


def whoami() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def event_line(line: str) -> str:
    """An event as one readable line; any other line is returned unchanged."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        event = json.loads(line)
        took = f"{event['seconds']:8.3f} s" if "seconds" in event else " " * 10
        text = f"{event['at']}  {event['phase']:10} {event['event']:8}{took}  {event.get('version', '')}"
        return text.rstrip() + (f"  {event['cause']}" if event.get("cause") else "")
    return line


def logs_command(target: Target, number: int, follow: bool, slot: str) -> str:
    """Of the live container, unless a slot is given."""
    name = f"/var/lib/slipway/{target.service}/live.map"
    words = ["docker", "logs", "--timestamps", "--tail", str(number), *(["--follow"] if follow else [])]
    live = shlex.quote(slot) if slot else f"$(sed -n 's/^live //p' {shlex.quote(name)})"
    return shlex.join(["sh", "-c", f"exec {shlex.join(words)} {shlex.quote(target.service)}-{live}"])


# The tasks.

COMMON = {
    "env": "inventory: local, dev, staging or prod", "host": "one host; default: all hosts",
    "service": "a service of the inventory; default: the default service",
}  # fmt: skip
FOLLOW = {**COMMON, "number": "number of past lines", "follow": "keep printing new lines"}
REASON = "recorded in the history"


@task(help={**COMMON, "watch": "repeat it every two seconds"})
def status(context: Context, env: str = "local", host: str = "", service: str = "", watch: bool = False) -> None:
    """Show whether clients are served, what is live and what is wrong; of several hosts as a table, the worst first."""
    while True:
        code = show_status(env, host, service, clear=watch)
        if not watch:
            break
        try:
            time.sleep(WATCH_S)
        except KeyboardInterrupt:
            break
    if code:
        raise Exit(code=code)


def show_status(env: str, host: str, service: str, clear: bool) -> int:
    """Returns the highest exit code of the hosts (255: unreachable)."""
    chosen = choose(env, host, service)
    if len(chosen) == 1:
        say = io.StringIO()
        code = on_host(chosen[0], releasectl("status")(chosen[0]), str, False, say)
        print((CLEAR if clear else "") + say.getvalue(), end="", flush=True)
        return code
    with ThreadPoolExecutor(len(chosen)) as pool:
        found = dict(zip((it.name for it in chosen), pool.map(read_status, chosen), strict=True))
    print((CLEAR if clear else "") + "\n".join(table(found)), flush=True)
    return max(UNREACHABLE if isinstance(it, str) else code_of(it) for it in found.values())


def read_status(target: Target) -> dict[str, Any] | str:
    """The document, or why there is none."""
    say = io.StringIO()
    code = on_host(target, releasectl("status", "--json")(target), str, False, say)
    lines = say.getvalue().strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        return dict(json.loads(lines[-1]))
    return lines[-1] if lines else f"releasectl exited with code {code}"


@task(help={**COMMON, "version": "version or release id; default: the previous release", "reason": REASON})
def rollback(
    context: Context, env: str = "local", host: str = "", service: str = "", version: str = "", reason: str = ""
) -> None:
    """Roll back; needs no registry, no AWS and no Ansible."""
    words = [f"--by={whoami()}", f"--reason={reason}"]
    on_all(env, host, service, releasectl("rollback", *([f"--to={version}"] if version else []), *words))


@task(help={**COMMON, "command": "promote, abort, hold or status"})
def canary(context: Context, command: str, env: str = "local", host: str = "", service: str = "") -> None:
    """Control a running canary: promote, abort, hold or status."""
    on_all(env, host, service, releasectl("canary", command, *([] if command == "status" else ["--by", whoami()])))


FORCE = "end a maintenance of another operator"


@task(help={**COMMON, "mode": "on or off", "reason": f"shown by status, {REASON}", "force": FORCE})
def maintenance(
    context: Context,
    mode: str,
    env: str = "local",
    host: str = "",
    service: str = "",
    reason: str = "",
    force: bool = False,
) -> None:
    """Serve the maintenance page instead of the service (on), or end it (off)."""
    words = ["maintenance", mode, f"--by={whoami()}", f"--reason={reason}", *(["--force"] if force else [])]
    on_all(env, host, service, releasectl(*words))


@task(positional=["old", "new"], help={**COMMON, "old": "version or release id", "new": "version or release id"})
def diff(context: Context, old: str, new: str, env: str = "local", host: str = "", service: str = "") -> None:
    """Show what a release changes against another one: names of variables, secrets and options, never values."""
    on_all(env, host, service, releasectl("diff", old, new))


@task(help={**COMMON, "number": "number of entries, newest first"})
def history(context: Context, env: str = "local", host: str = "", service: str = "", number: int = 20) -> None:
    """List rollouts and rollbacks with operator, reason and duration."""
    on_all(env, host, service, releasectl("history", "-n", str(number)))


@task(help={**FOLLOW, "slot": "blue or green; default: the live slot"})
def logs(
    context: Context,
    env: str = "local",
    host: str = "",
    service: str = "",
    number: int = 100,
    follow: bool = False,
    slot: str = "",
) -> None:
    """Show the container log."""
    on_all(env, host, service, lambda it: logs_command(it, number, follow, slot), follow=follow)


@task(help=FOLLOW)
def events(
    context: Context, env: str = "local", host: str = "", service: str = "", number: int = 50, follow: bool = False
) -> None:
    """Show the rollout events, phase by phase."""
    words = ["events", "-n", str(number), *(["--follow"] if follow else [])]
    on_all(env, host, service, releasectl(*words), event_line, follow)


@task(help=COMMON)
def recover(context: Context, env: str = "local", host: str = "", service: str = "") -> None:
    """Finish or undo interrupted rollouts and repair the hosts from their records."""
    on_all(env, host, service, releasectl("recover"))
