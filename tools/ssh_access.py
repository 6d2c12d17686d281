"""
Connections to hosts as OpenSSH would make them (tools/ssh_options.py), carried by paramiko: whose key is trusted,
which keys are offered, and one line that says why there is no connection.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import shlex
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection
from paramiko.auth_strategy import AuthStrategy, InMemoryPrivateKey
from paramiko.pkey import PublicBlob

from tools.inventory import Target
from tools.ssh_options import Known, Options, Refused, known_keys, options, proxy

CONNECT_S = 10
HOST_KEY_TYPES = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256",
    "ssh-rsa", "ssh-dss",
)  # fmt: skip
# SSH_AUTH_SOCK is the process's; paramiko reads it there.
AGENT_LOCK = threading.Lock()


class HostKeys(paramiko.MissingHostKeyPolicy):
    """Whether the key that a host shows is its own, where StrictHostKeyChecking is what the options say."""

    def __init__(self, given: Options, known: list[Known]) -> None:
        self.given, self.known = given, known

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        where = f"{self.given.host}:{self.given.port}"
        shown, strict = (key.get_name(), key.get_base64()), self.given.one("stricthostkeychecking", "ask")
        if any(it.marker == "@revoked" and (it.kind, it.key) == shown for it in self.known):
            raise Refused(f"the host key of {where} is revoked in known_hosts; find the cause before you connect")
        plain = [it for it in self.known if not it.marker]
        if any((it.kind, it.key) == shown for it in plain):
            return
        if plain:
            raise Refused(f"the host key of {where} does not match known_hosts; find the cause before you connect")
        if authority := next((it for it in self.known if it.marker == "@cert-authority"), None):
            raise Refused(f"{where} has @cert-authority in {authority.path}, which fab does not support; use ssh")
        if strict == "accept-new":
            self.keep(key)
        elif strict in ("no", "off", "false"):
            raise Refused(f"{where} is not in known_hosts, and fab ignores StrictHostKeyChecking=no")
        else:
            files = ", ".join(self.given.files("userknownhostsfile") + self.given.files("globalknownhostsfile"))
            raise Refused(f"{where} is not in known_hosts ({files})")

    def keep(self, key: paramiko.PKey) -> None:
        files = self.given.files("userknownhostsfile")
        if files and files[0] != os.devnull:
            Path(files[0]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(files[0], "a") as file:
                file.write(f"{self.given.known_as} {key.get_name()} {key.get_base64()}\n")


def public_blob(path: str) -> bytes | None:
    """The public half of an identity: its .pub, itself when it is public, or the beginning of an OpenSSH key."""
    for name in (f"{path}.pub", path):
        with contextlib.suppress(OSError, UnicodeDecodeError, IndexError, binascii.Error):
            text = Path(name).read_text()
            if "PRIVATE KEY" not in text:
                return base64.b64decode(text.split()[1], validate=True)
            if "OPENSSH" in text:
                # openssh/PROTOCOL.key: magic, cipher, kdf, its options, a count, then the public key, never encrypted.
                raw, at = base64.b64decode("".join(text.splitlines()[1:-1])), len(b"openssh-key-v1\0")
                for _ in range(3):
                    at += 4 + int.from_bytes(raw[at : at + 4], "big")
                (size,) = struct.unpack_from(">I", raw, at + 4)
                return raw[at + 8 : at + 8 + size]
    return None


class Keys(AuthStrategy):
    """
    The keys that ssh would offer, those that were named first, from the agent where it has them; then what else the
    agent has, unless IdentitiesOnly. `notes` says afterwards which could not be used, and why.
    """

    def __init__(self, given: Options) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self.given = given
        self.agent: Any = None
        self.notes: list[str] = []
        self.paths = [given.expand(it) for it in given.values.get("identityfile", [])]
        self.certificates = [given.expand(it) for it in given.values.get("certificatefile", [])]

    def get_sources(self) -> Iterator[InMemoryPrivateKey]:
        # Certificates before the keys that they are of; both have the same bytes.
        held = sorted(self._agent_keys(), key=lambda it: it.public_blob is None)
        for path in self.paths:
            blob = public_blob(path)
            found = [it for it in held if it.asbytes() == blob]
            held = [it for it in held if it not in found]
            if not found and os.path.isfile(path):
                found = self._load(path)
            for key in found:
                if key.public_blob is None:
                    yield from self._certified(path, key)
                yield InMemoryPrivateKey(self.given.user, key)
        if self.given.one("identitiesonly", "no") in ("no", "false"):
            for key in held:
                yield InMemoryPrivateKey(self.given.user, key)

    def _agent_keys(self) -> list[Any]:
        asked = self.given.one("identityagent", "SSH_AUTH_SOCK")
        if asked.lower() == "none":
            return []
        own = os.environ.get("SSH_AUTH_SOCK")
        sock = os.environ.get(asked.lstrip("$")) if asked.lstrip("$").isidentifier() else self.given.expand(asked)
        with AGENT_LOCK:
            try:
                os.environ["SSH_AUTH_SOCK"] = sock or ""
                self.agent = paramiko.Agent()
                keys = list(self.agent.get_keys())
            except (paramiko.SSHException, OSError) as error:
                self.notes.append(f"the agent at {sock} does not answer ({error})")
                return []
            finally:
                os.environ.pop("SSH_AUTH_SOCK")
                if own is not None:
                    os.environ["SSH_AUTH_SOCK"] = own
        for key in keys:
            if key.name.endswith("-cert-v01@openssh.com"):
                key.public_blob = PublicBlob(key.name, key.blob)
        return keys

    def _load(self, path: str) -> list[paramiko.PKey]:
        try:
            return [paramiko.PKey.from_path(path)]
        except (paramiko.PasswordRequiredException, TypeError):
            self.notes.append(f"{path} has a passphrase and is not in the agent: ssh-add {shlex.quote(path)}")
        except OSError as error:
            self.notes.append(f"{path} cannot be read: {error.strerror}")
        except (paramiko.SSHException, ValueError, paramiko.UnknownKeyType) as error:
            kind = "a hardware key" if b"sk-" in (public_blob(path) or b"") else f"not understood here ({error})"
            self.notes.append(f"{path} is {kind}: add it to an agent, ssh-add {shlex.quote(path)}")
        return []

    def _certified(self, path: str, key: Any) -> Iterator[InMemoryPrivateKey]:
        for name in (f"{path}-cert.pub", *self.certificates):
            if os.path.isfile(name):
                with contextlib.suppress(ValueError, paramiko.SSHException):
                    key.load_certificate(name)
                    yield InMemoryPrivateKey(self.given.user, key)
                key.public_blob = None

    def authenticate(self, transport: paramiko.Transport) -> Any:
        try:
            return super().authenticate(transport)
        except paramiko.AuthenticationException:
            reasons = f" ({'; '.join(self.notes)})" if self.notes else ""
            tried = ", ".join(it for it in self.paths if os.path.exists(it) or os.path.exists(f"{it}.pub")) or "no key"
            who, where = self.given.user, f"{self.given.host}:{self.given.port}"
            raise Refused(
                f"SSH authentication failed for {who} on {where}: tried {tried} and the keys of the agent{reasons}"
            ) from None


def connect(target: Target) -> Connection:
    """An open connection to a host whose key is known. Raises Refused."""
    given = options(target)
    known = known_keys(given)
    kinds = {it.kind for it in known if not it.marker}
    rsa = {"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in kinds else set()
    via = proxy(given)
    kwargs: dict[str, Any] = {
        "auth_strategy": Keys(given),
        "auth_timeout": CONNECT_S,
        "disabled_algorithms": {"keys": [it for it in HOST_KEY_TYPES if kinds and it not in kinds | rsa]},
    }
    if via:
        kwargs["sock"] = paramiko.ProxyCommand(shlex.join(["/bin/sh", "-c", f"exec {via}"]))
    family = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(given.one("addressfamily"), socket.AF_UNSPEC)
    where = f"{given.host}:{given.port}"
    try:
        address = given.host
        if not via and family != socket.AF_UNSPEC:
            address = str(socket.getaddrinfo(given.host, given.port, family, socket.SOCK_STREAM)[0][4][0])
        # ~/.ssh/config was read already, by ssh.
        connection = Connection(
            address, user=given.user, port=given.port, config=Config(ssh_config=paramiko.SSHConfig()),
            connect_timeout=CONNECT_S, connect_kwargs=kwargs,
        )  # fmt: skip
        connection.client.set_missing_host_key_policy(HostKeys(given, known))
        connection.open()
    except (OSError, paramiko.SSHException, EOFError) as error:
        # The transport may notice first, in other words. A command that did not end by itself was killed: below 0.
        ended = kwargs["sock"].process.poll() if via else None
        if isinstance(error, paramiko.ProxyCommandFailure) or (ended is not None and ended >= 0):
            raise Refused(f"failed to connect to {where}: the proxy command exited (ProxyCommand: {via})") from None
        cause = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        raise Refused(f"failed to connect to {where}: {cause}" + (f" (ProxyCommand: {via})" if via else "")) from None
    return connection
