"""
The hosts of an inventory with every value resolved, quickly: from a copy (.slipway/inventory-<env>.json) while it is as
new as the inventory itself, else by Ansible. When Ansible cannot read the inventory, an old copy is better than none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".slipway"
# How old a copy of an inventory that asks a cloud may be (s): its hosts come and go without a file changing.
DYNAMIC_AGE_S = 300
KEPT_COPIES = 4

# What is needed of a host, as Ansible's templates.
WANTED = {
    "address": "ansible_host | default(inventory_hostname)",
    "port": "ansible_port | default(22) | int",
    "user": "ansible_user | default('')",
    "key": "ansible_ssh_private_key_file | default(ansible_private_key_file) | default('')",
    "ssh_args": " ~ ' ' ~ ".join(f"(ansible_ssh_{it} | default(''))" for it in ("args", "common_args", "extra_args")),
    "service": "default_service",
}


class Unknown(Exception):
    """Not in the inventory, or there is no reading it; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """A host of the inventory, every value resolved."""

    name: str
    address: str
    port: int = 22
    user: str = ""
    key: str = ""
    ssh_args: str = ""
    service: str = "inference"


def fingerprint(folder: Path, environ: dict[str, str]) -> str:
    """Of all that Ansible reads there: the files, and the variables of the environment that they look up."""
    seen = hashlib.sha256()
    for path in sorted(path for path in [*folder.rglob("*"), ROOT / "ansible.cfg"] if path.is_file()):
        content = path.read_bytes()
        seen.update(f"{path.name}\0".encode() + content)
        for name in re.findall(rb"env'?\s*,\s*'(\w+)'", content):
            seen.update(f"{name.decode()}={environ.get(name.decode(), '')}\0".encode())
    return seen.hexdigest()


def is_dynamic(folder: Path) -> bool:
    found = (re.search(r"^plugin:\s*(\S+)", path.read_text(), re.MULTILINE) for path in folder.glob("*.y*ml"))
    return any(match and not match[1].endswith("constructed") for match in found)


def ask_ansible(env: str) -> list[Target]:
    """Takes seconds. Raises RuntimeError with Ansible's own words."""
    message = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in WANTED.items()) + "} }}"
    argv = [str(Path(sys.executable).parent / "ansible"), "inference", "--inventory", f"inventory/{env}"]
    argv += ["--module-name", "ansible.builtin.debug", "--args", json.dumps({"msg": message})]
    environ = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}
    try:
        done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(str(error)) from error
    found = read_answers(done.stdout)
    if done.returncode or not found:
        words = (done.stderr.strip() or done.stdout.strip() or "it names no host of group `inference`").splitlines()
        raise RuntimeError(next((line for line in words if "ERROR" in line.upper()), words[-1])[:300])
    return found


def read_answers(text: str) -> list[Target]:
    """Of `NAME | SUCCESS => {…}` for every host."""
    decoder = json.JSONDecoder()
    starts = re.finditer(r"^(\S+) \| SUCCESS => (?=\{)", text, re.MULTILINE)
    return [Target(name=it[1], **decoder.raw_decode(text, it.end())[0]["msg"]) for it in starts]


def inventory(env: str, ask: Callable[[str], list[Target]] = ask_ansible) -> list[Target]:
    """The hosts of an environment: from the copy when it is as new as the inventory, else from Ansible."""
    folder, path = ROOT / "inventory" / env, CACHE / f"inventory-{env}.json"
    if not folder.is_dir():
        there = sorted(it.name for it in (ROOT / "inventory").iterdir() if it.is_dir())
        raise Unknown(f"unknown environment {env}; inventories: {', '.join(there)}")
    print_of = fingerprint(folder, dict(os.environ))
    copies = read_copies(path)
    age_s = time.time() - path.stat().st_mtime if copies else 0.0
    if print_of in copies and not (is_dynamic(folder) and age_s > DYNAMIC_AGE_S):
        return copies[print_of]
    try:
        found = ask(env)
    except RuntimeError as trouble:
        if not copies:
            raise Unknown(
                f"failed to read inventory/{env} ({trouble}), and there is no cached copy in {path}"
            ) from None
        words = (
            f"warning: failed to read inventory/{env} ({trouble}); using the cached copy, {int(age_s // 60)} min old"
        )
        print(words, file=sys.stderr)
        return copies.get(print_of) or list(copies.values())[-1]
    copies.pop(print_of, None)
    write_copies(path, dict([*copies.items(), (print_of, found)][-KEPT_COPIES:]))
    return found


def read_copies(path: Path) -> dict[str, list[Target]]:
    """Fingerprint → hosts, the newest last; a copy that cannot be read is none."""
    try:
        return {key: [Target(**it) for it in hosts] for key, hosts in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_copies(path: Path, copies: dict[str, list[Target]]) -> None:
    path.parent.mkdir(exist_ok=True)
    (path.parent / ".gitignore").write_text("*\n")
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps({key: [asdict(it) for it in hosts] for key, hosts in copies.items()}, indent=1))
    scratch.replace(path)


def targets(env: str, host: str) -> list[Target]:
    found = inventory(env)
    chosen = [it for it in found if host in ("", it.name)]
    if not chosen:
        raise Unknown(f"unknown host {host} in inventory/{env}; hosts: {', '.join(it.name for it in found)}")
    return chosen
