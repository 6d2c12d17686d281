#!/usr/bin/env python3
"""Who would lose access with another drop-in of sshd? Changes nothing. Usage: ssh_access.py SETTINGS

SETTINGS (JSON): path, text (the drop-in as it will be), password (whether the controller logs in by password), behind
(hosts of the inventory that are reached by way of this one).
Prints a JSON list of problems; empty if nobody loses access.

Both configurations are resolved by `sshd -T` for this very connection (user and addresses, so Match blocks count). How
this connection has logged in is read from the line that sshd wrote to the journal.
"""

from __future__ import annotations

import fnmatch
import glob
import grp
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

SSHD = "/usr/sbin/sshd"
SSH_DIR = Path("/etc/ssh")
Config = dict[str, list[str]]

# Method, as sshd names it in its log → the keyword that allows it.
METHODS = {
    "publickey": "PubkeyAuthentication",
    "password": "PasswordAuthentication",
    "keyboard-interactive": "KbdInteractiveAuthentication",
    "hostbased": "HostbasedAuthentication",
    "gssapi-with-mic": "GSSAPIAuthentication",
    "none": "PermitEmptyPasswords",
}
# Keyword → its values that make a host a way to others.
GATEWAY = {
    "AllowTcpForwarding": ("yes", "all"),
    "AllowAgentForwarding": ("yes",),
    "PermitTunnel": ("yes", "point-to-point", "ethernet"),
}
LOOPBACK = ("127.", "[::1]", "[::ffff:127.")


@dataclass(frozen=True)
class Connection:
    """The SSH connection that this program runs in. `method` is empty where nothing says how it logged in."""

    user: str
    client: str
    client_port: str
    server: str
    server_port: str
    pids: tuple[str, ...] = ()
    method: str = ""


@dataclass
class Block:
    """Settings of one file: of its global part (no condition), or of one Match block."""

    file: str
    condition: str = ""
    settings: dict[str, str] = field(default_factory=dict)


def run(*argv: str) -> tuple[int, str, str]:
    """Exit code (127: no such command), stdout, stderr."""
    try:
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=20, check=False)
    except FileNotFoundError:
        return 127, "", ""
    return done.returncode, done.stdout, done.stderr


# --- this connection ---


def connection(processes: Path = Path("/proc"), pid: str = "self") -> Connection | None:
    """From the first process above this one that has SSH_CONNECTION: sudo hides it from its children."""
    found: list[str] = []
    pids = []
    while pid != "0":
        try:
            lines = (processes / pid / "environ").read_bytes().split(b"\0")
            parent = (processes / pid / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:
            break
        pids.append(pid)
        values = dict(line.decode(errors="replace").split("=", 1) for line in lines if b"=" in line)
        if not found and "SSH_CONNECTION" in values:
            found = [values.get("USER") or values.get("LOGNAME", ""), *values["SSH_CONNECTION"].split()]
        pid = parent
    if len(found) != 5:
        return None
    user, client, client_port, server, server_port = found
    return Connection(user, client, client_port, server, server_port, pids=tuple(filter(str.isdigit, pids)))


def journal_of(it: Connection) -> str:
    words = [word for pid in it.pids for word in (f"_PID={pid}", "+")][:-1]
    return run("journalctl", "--quiet", "--boot", "--output=cat", *words)[1] if words else ""


def login_method(log: str, it: Connection) -> str:
    """publickey, password, keyboard-interactive …; empty if the log has no line of this connection."""
    line = rf"Accepted (\S+) for {re.escape(it.user)} from {re.escape(it.client)} port {it.client_port}\b"
    found = re.findall(line, log)
    return str(found[-1]).split("/")[0] if found else ""


# --- sshd's configuration ---


def parse(text: str) -> Config:
    """Keyword in lower case → its values, of what `sshd -T` prints."""
    found: Config = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return found


def value(config: Config, keyword: str) -> str:
    return config.get(keyword.lower(), [""])[0].lower()


def resolve(it: Connection | None, file: Path) -> tuple[Config | None, str]:
    """The configuration as it counts for a connection; None, with sshd's words, if it is not valid."""
    condition = []
    if it:
        values = {"user": it.user, "host": it.client, "addr": it.client, "laddr": it.server, "lport": it.server_port}
        condition = ["-C", ",".join(f"{key}={text}" for key, text in values.items())]
    code, out, err = run(SSHD, "-T", "-f", str(file), *condition)
    return (parse(out), "") if code == 0 else (None, err.strip())


def copy_with(path: Path, text: str, folder: Path) -> Path:
    """A copy of sshd's configuration in which the drop-in is the new one; returns its main file."""
    drop_ins = folder / "sshd_config.d"
    if (SSH_DIR / "sshd_config.d").is_dir():
        shutil.copytree(SSH_DIR / "sshd_config.d", drop_ins)
    drop_ins.mkdir(exist_ok=True)
    (drop_ins / path.name).write_text(text)
    include = re.compile(r"^\s*include\s.*$", re.IGNORECASE | re.MULTILINE)
    of_ours = re.compile(rf"(?<![\w/.-])({re.escape(str(SSH_DIR))}/)?sshd_config\.d/")
    main = (SSH_DIR / "sshd_config").read_text()
    main = include.sub(lambda line: of_ours.sub(f"{drop_ins}/", line.group(0)), main)
    (folder / "sshd_config").write_text(main)
    return folder / "sshd_config"


def blocks(file: str, text: str) -> list[Block]:
    """The explicit settings of a file, keywords in lower case; of each the first value counts."""
    found = [Block(file)]
    for line in text.splitlines():
        words = re.split(r"[\s=]+", line.split("#")[0].strip(), maxsplit=1)
        if len(words) == 2 and words[0].lower() == "match":
            found.append(Block(file, words[1]))
        elif len(words) == 2:
            found[-1].settings.setdefault(words[0].lower(), words[1])
    return found


# --- who loses access ---


def closed_login(it: Connection, now: Config, then: Config, groups: list[str], has_key: bool) -> tuple[str, list[str]]:
    """Why this connection could not log in again, and the keywords that would have to be kept; empty: it could."""
    root, passwords = value(then, "PermitRootLogin"), ("password", "keyboard-interactive")
    keyword = METHODS.get(it.method, "")
    closing = [keyword] if keyword and value(then, keyword) == "no" else []
    if it.user == "root" and root == "no":
        return "it logged in as root, and PermitRootLogin will be no", ["PermitRootLogin", *closing]
    if it.user == "root" and root != "yes" and it.method in passwords:
        return f"it logged in as root by {it.method}, and PermitRootLogin will be {root}", ["PermitRootLogin", *closing]
    if closing:
        return f"it logged in by {it.method}, and {keyword} will be no", closing
    off = {method for method, name in METHODS.items() if value(then, name) == "no"}
    lists = (then.get("authenticationmethods") or ["any"])[0].split()
    if not any(off.isdisjoint(step.split(":")[0] for step in steps.split(",")) for steps in lists):
        needed = {step.split(":")[0] for steps in lists for step in steps.split(",")} & off
        wanted = sorted(METHODS[method] for method in needed)
        return f"AuthenticationMethods asks for {' '.join(lists)}, and {', '.join(wanted)} will be no", wanted
    moved = now.get("authorizedkeysfile") != then.get("authorizedkeysfile")
    if not has_key and (not it.method or (it.method == "publickey" and moved)):
        files = " ".join(then.get("authorizedkeysfile", []))
        return f"{it.user} has no key in {files}, and passwords will be off", ["PasswordAuthentication"]
    for keyword, allows in (("DenyUsers", False), ("AllowUsers", True), ("DenyGroups", False), ("AllowGroups", True)):
        patterns = [word.split("@")[0] for line in then.get(keyword.lower(), []) for word in line.split()]
        names = [it.user] if "Users" in keyword else groups
        matched = any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)
        if patterns and matched != allows and then.get(keyword.lower()) != now.get(keyword.lower()):
            return f"{keyword} will be {' '.join(patterns)}, which excludes {it.user}", []
    return "", []


def closed_gateway(found: list[Block], then: Config) -> list[str]:
    """Settings that make this host a way to others, and that would no longer count."""
    closed = []
    targets = " ".join(then.get("permitopen", ["any"]))
    for block in found:
        if block.condition:
            # What a Match block sets stays; what it leaves to the global settings does not.
            opened = block.settings.get("allowtcpforwarding", "no").lower()
            if opened in ("yes", "all", "local") and "permitopen" not in block.settings and targets != "any":
                closed.append(f"{block.file}: Match {block.condition} forwards; PermitOpen will be {targets}")
            continue
        for keyword, values in GATEWAY.items():
            if block.settings.get(keyword.lower(), "").lower() in values and value(then, keyword) not in values:
                closed.append(f"{block.file}: {keyword} will be {value(then, keyword)}")
        if block.settings.get("permitopen", "none").lower() not in ("none", targets):
            closed.append(f"{block.file}: PermitOpen will be {targets}")
    return closed


def forwarded(sockets: str, ports: list[str]) -> list[str]:
    """Addresses that people reach through this host now; `sockets`: what `ss -Htnp state established` prints."""
    peers = set()
    for line in sockets.splitlines():
        words = line.split()
        owner = re.search(r'\("sshd(?:-session)?",pid=(\d+)', line)
        if not owner or words[2].rpartition(":")[2] in ports or words[3].startswith(LOOPBACK):
            continue
        # The process that forwards belongs to the session's user; those of root do PAM and the like.
        if uid_of(owner.group(1)) != 0:
            peers.add(words[3])
    return sorted(peers)


def uid_of(pid: str) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return 0


# --- keys ---


def keys(config: Config, user: pwd.struct_passwd) -> list[str]:
    tokens = {"%h": user.pw_dir, "%u": user.pw_name, "%U": str(user.pw_uid), "%%": "%"}
    lines: list[str] = []
    for name in " ".join(config.get("authorizedkeysfile", [])).split():
        path = Path(user.pw_dir, re.sub("%[huU%]", lambda it: tokens[it.group(0)], name))
        if name != "none" and path.is_file():
            lines += path.read_text(errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def keys_from_elsewhere(config: Config) -> bool:
    """By a command (such as that of EC2 Instance Connect, which is in the unit), or by an authority's certificates."""
    unit = run("systemctl", "show", "--property=ExecStart", "ssh.service", "sshd.service")[1]
    found = [value(config, keyword) for keyword in ("AuthorizedKeysCommand", "TrustedUserCAKeys")]
    return "AuthorizedKeysCommand" in unit or any(it not in ("", "none") for it in found)


# --- together ---


def login_problems(it: Connection, now: Config, then: Config) -> list[str]:
    try:
        user = pwd.getpwnam(it.user)
    except KeyError:
        return []
    groups = [grp.getgrgid(number).gr_name for number in os.getgrouplist(user.pw_name, user.pw_gid)]
    has_key = bool(keys(then, user)) or keys_from_elsewhere(then)
    why, kept = closed_login(it, now, then, groups, has_key)
    if not why:
        return []
    people = [who for who in pwd.getpwall() if who.pw_uid >= 1000 and who.pw_name != it.user]
    others = [who.pw_name for who in people if keys(then, who)]
    options = {keyword: "yes" for keyword in kept if value(then, keyword) != "yes"}
    if it.method in ("", "publickey") and "PermitRootLogin" in options:
        options["PermitRootLogin"] = "prohibit-password"
    return [
        f"The new sshd configuration would lock out this login: {why}. Either log in by key as another user (with a key"
        f" on this host: {', '.join(others) or 'none yet'}) and set ansible_user in"
        " inventory/<env>/group_vars/inference.yml; or keep this login, for instance for the first run that creates the"
        f" users in baseline_users, with baseline_sshd_options: {json.dumps(options)}."
    ]


def gateway_problems(path: Path, behind: list[str], now: Config, then: Config) -> list[str]:
    files = [str(SSH_DIR / "sshd_config"), *sorted(glob.glob(f"{SSH_DIR}/sshd_config.d/*.conf"))]
    found = [
        block for file in files if file != str(path) for block in blocks(file, Path(file).read_text(errors="replace"))
    ]
    closed = closed_gateway(found, then)
    if now.get("permitopen") != then.get("permitopen"):
        sockets = run("ss", "-Htnp", "state", "established")[1]
        closed += [f"{name} is reached through it (ansible_ssh_common_args)" for name in behind]
        closed += [f"a session reaches {peer} through it now" for peer in forwarded(sockets, now.get("port", []))]
    if not closed:
        return []
    return [
        "This host is used as a jump host, and the new sshd configuration would stop that:"
        f" {'; '.join(closed)}. To keep it, set baseline_sshd_options"
        ' in inventory/<env>/group_vars/inference.yml, for example {"AllowTcpForwarding": "yes", "PermitOpen": "any"};'
        " otherwise remove the setting on the host, or end the session."
    ]


def problems(settings: dict[str, Any]) -> list[str]:
    path = Path(settings["path"])
    if not Path(SSHD).exists() or (path.is_file() and path.read_text() == settings["text"]):
        return []
    it = connection()
    with tempfile.TemporaryDirectory(prefix="slipway-ssh.") as folder:
        now, _ = resolve(it, SSH_DIR / "sshd_config")
        then, words = resolve(it, copy_with(path, settings["text"], Path(folder)))
        words = words.replace(f"{folder}/", f"{SSH_DIR}/")
    if now is None:
        return []  # sshd would not start with what is there, so there is nothing to compare.
    if then is None:
        return [f"sshd rejects the configuration with baseline_sshd_options: {words}."]
    gateway = gateway_problems(path, settings["behind"], now, then)
    if it is None:
        return gateway
    method = login_method(journal_of(it), it) or ("password" if settings["password"] else "")
    return login_problems(replace(it, method=method), now, then) + gateway


if __name__ == "__main__":
    print(json.dumps(problems(json.loads(sys.argv[1]))))
