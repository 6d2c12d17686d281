"""
What OpenSSH's own programs say of a connection: which options hold (`ssh -G`, so ~/.ssh/config and the inventory's
arguments count alike), and which keys a host may show (`ssh-keygen -F`). What cannot be followed is refused by its
name, never left out.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import subprocess
from dataclasses import dataclass

from tools.inventory import Target

PROGRAM_S = 10
# Options that change where a connection goes or whom it trusts, and that paramiko cannot follow; each with the value
# that means nothing. The others change how a session looks, or what ssh would do besides.
UNSUPPORTED = {
    "RevokedHostKeys": "none", "KnownHostsCommand": "none", "BindAddress": "none", "BindInterface": "none",
    "ProxyUseFdpass": "no", "PKCS11Provider": "none", "HostbasedAuthentication": "no",
}  # fmt: skip


class Refused(Exception):
    """No connection; the message says why in one line."""


def program(*argv: str) -> str:
    """Its output; an empty one when it ends with an error but for ssh itself. Raises Refused."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROGRAM_S)
    except FileNotFoundError:
        raise Refused(f"{argv[0]} is not installed (apt-get install openssh-client)") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"{argv[0]} timed out after {PROGRAM_S} s") from None
    if done.returncode and argv[0] == "ssh":
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise Refused(f"ssh rejects the arguments of the inventory: {reason}")
    return done.stdout


@dataclass(frozen=True)
class Options:
    """What `ssh -G` says, by lower-case name; an option that may be said several times has several values."""

    values: dict[str, list[str]]

    def one(self, name: str, default: str = "") -> str:
        return self.values.get(name, [default])[0]

    @property
    def host(self) -> str:
        return self.one("hostname")

    @property
    def port(self) -> int:
        return int(self.one("port", "22"))

    @property
    def user(self) -> str:
        return self.one("user")

    @property
    def alias(self) -> str:
        return self.one("hostkeyalias")

    @property
    def known_as(self) -> str:
        """Under which name known_hosts has it."""
        named = self.alias or self.host.lower()
        return named if self.alias or self.port == 22 else f"[{named}]:{self.port}"

    def files(self, name: str) -> list[str]:
        """
        Of an option that lists files in one line, unquoted: a further one begins with / or ~. `ssh -G` has expanded
        their tokens.
        """
        found = [os.path.expanduser(it) for it in re.split(r"\s+(?=[/~])", self.one(name))]
        return [it for it in found if it not in ("", "none")]

    def expand(self, text: str) -> str:
        """ssh's tokens, its ~ and its ${VARIABLE}. Raises Refused with the token that is not supported."""
        home = os.path.expanduser("~")
        known = {
            "%": "%", "d": home, "h": self.host, "n": self.one("host"), "p": str(self.port), "r": self.user,
            "u": getpass.getuser(), "i": str(os.getuid()), "k": self.alias or self.one("host"),
            "l": socket.gethostname(), "L": socket.gethostname().partition(".")[0],
        }  # fmt: skip

        def token(match: re.Match[str]) -> str:
            if match[1] not in known:
                raise Refused(f"fab does not support the token %{match[1]} in {text!r}")
            return known[match[1]]

        text = re.sub(r"\$\{(\w+)\}", lambda it: os.environ.get(it[1], ""), text)
        return os.path.expanduser(re.sub(r"%(.)", token, text))


def options(target: Target) -> Options:
    """
    Of a host of the inventory, by the order that Ansible gives its arguments to ssh: the first one that says a thing
    counts. Raises Refused.
    """
    words = ["-o", f"Port={target.port}"] if target.port != 22 else []
    words += ["-o", f'User="{target.user}"'] if target.user else []
    words += ["-o", f'IdentityFile="{target.key}"'] if target.key else []
    try:
        given = shlex.split(target.ssh_args)
    except ValueError as error:
        raise Refused(f"invalid SSH arguments in the inventory ({error}): {target.ssh_args}") from None
    values: dict[str, list[str]] = {}
    for line in program("ssh", "-G", *words, *given, target.address).splitlines():
        name, _, value = line.partition(" ")
        values.setdefault(name.lower(), []).append(value)
    # Which configuration counts, ssh hands on to the jump host's ssh.
    for word, following in zip(given, [*given[1:], ""], strict=True):
        if word.startswith("-F"):
            values["configuration"] = [word[2:] or following]
    found = Options(values)
    for name, harmless in UNSUPPORTED.items():
        if (value := found.one(name.lower(), harmless)) not in (harmless, "none", "false"):
            raise Refused(f"fab does not support the SSH option {name} ({value}); use ssh or Ansible")
    return found


@dataclass(frozen=True)
class Known:
    """A line of a known_hosts file that is about the host."""

    marker: str
    kind: str
    key: str
    path: str


def known_keys(given: Options) -> list[Known]:
    """What the files know of the host: hashed names, patterns and [host]:port as ssh-keygen reads them."""
    found = []
    for path in given.files("userknownhostsfile") + given.files("globalknownhostsfile"):
        if os.path.isfile(path):
            for line in program("ssh-keygen", "-F", given.known_as, "-f", path).splitlines():
                if not line.startswith("#") and (match := re.match(r"(?:(@\S+) )?\S+ (\S+) (\S+)", line)):
                    found.append(Known(match[1] or "", match[2], match[3], path))
    return found


def proxy(given: Options) -> str:
    """The command by which the host is reached, or none: ProxyCommand, or what ssh itself runs for ProxyJump."""
    command, jump = given.one("proxycommand", "none"), given.one("proxyjump", "none")
    if command != "none":
        return given.expand(command)
    if jump == "none":
        return ""
    *before, last = jump.split(",")
    words = ["ssh", "-o", "BatchMode=yes", *(["-F", it] if (it := given.one("configuration")) else [])]
    words += ["-J", ",".join(before)] if before else []
    # A URL can have the jump host's user and port.
    url = last if last.startswith("ssh://") else f"ssh://{last}"
    return shlex.join([*words, "-W", f"[{given.host}]:{given.port}", url])
