"""This machine: Docker, a CA, images, a key for SSH, and the names of the rehearsal in /etc/hosts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import settings, shell
from .settings import LABEL, PREFIX, ROOT, Place

HOSTS = Path("/etc/hosts")
BEGIN, END = "# BEGIN slipway rehearsal", "# END slipway rehearsal"
IMAGES = ROOT / "rehearsal" / "images"


def with_names(text: str, names: Mapping[str, str]) -> str:
    """/etc/hosts with these names (name → address) in the rehearsal's own block, or without the block."""
    rest = re.sub(rf"^{BEGIN}\n.*?^{END}\n", "", text, flags=re.MULTILINE | re.DOTALL)
    if not names:
        return rest
    lines = [f"{address} {name}" for name, address in names.items()]
    return rest + ("" if rest.endswith("\n") or not rest else "\n") + "\n".join([BEGIN, *lines, END]) + "\n"


def write_names(names: Mapping[str, str]) -> None:
    """In place: in a container /etc/hosts is a mount and cannot be replaced."""
    now = HOSTS.read_text()
    if (text := with_names(now, names)) != now:
        shell.run(shell.privileged("tee", str(HOSTS)), input=text)


def prepare(place: Place, region: str, suite: str, log: Path) -> dict[str, Any]:
    """Docker, the CA and the images; their names. Half a minute when they are there already."""
    place.shared.mkdir(exist_ok=True)
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "lab_engine_dir": str(place.shared),
        "lab_engine_network": settings.SERVICES_NETWORK,
        "lab_engine_subnet": settings.SERVICES_SUBNET,
        "lab_ca_dir": str(place.ca),
        "lab_ca_names": settings.service_names(region),
        "lab_images_prefix": PREFIX,
        "lab_images_network": settings.SERVICES_NETWORK,
        "lab_images_suites": [suite],
        # Root filesystems and downloads are the lab's: whoever comes first makes them.
        "lab_images_cache_dir": str(ROOT / ".lab" / "cache"),
    }
    given = place.shared / "machine.json"
    given.write_text(json.dumps(variables))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [ansible, "--inventory", "localhost,", "rehearsal/machine.yml", "--extra-vars", f"@{given}"]
    shell.run(argv, cwd=ROOT, deadline_s=1800, log=log)
    images: dict[str, Any] = json.loads((place.shared / "images.json").read_text())
    images["cloud"] = build("cloud", images["services"], IMAGES / "cloud", log)
    context = place.shared / "ami"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(IMAGES / "ami", context)
    shutil.copy(place.ca / "ca.pem", context / "ca.crt")
    images["ami"] = {suite: build(f"ami:{suite}", images["hosts"][suite], context, log)}
    return images


def build(name: str, base: str, context: Path, log: Path) -> str:
    tag = f"{PREFIX}/{name}"
    argv = [
        "docker",
        "build",
        f"--network={settings.SERVICES_NETWORK}",
        f"--build-arg=BASE_IMAGE={base}",
        f"--tag={tag}",
    ]
    # The classic builder: BuildKit knows no user-defined network.
    shell.run([*argv, str(context)], env=os.environ | {"DOCKER_BUILDKIT": "0"}, deadline_s=900, log=log)
    return tag


def trust_registry(place: Place, region: str) -> None:
    """Docker on this machine trusts the registry by the rehearsal's CA."""
    folder = Path("/etc/docker/certs.d") / settings.registry_name(region)
    if not (folder / "ca.crt").exists() or (folder / "ca.crt").read_bytes() != (place.ca / "ca.pem").read_bytes():
        shell.run(shell.privileged("install", "-D", "-m", "0644", str(place.ca / "ca.pem"), str(folder / "ca.crt")))


def make_key(place: Place) -> str:
    """The key that hosts let in, made once; its public half."""
    if not place.key.exists():
        place.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", PREFIX, "-f", str(place.key)])
    return place.key.with_suffix(".pub").read_text().strip()


@dataclass
class Agent:
    """An SSH agent with the rehearsal's key: SSH uses it as it would use the user's own."""

    socket: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, place: Place) -> Agent:
        # A path of a socket has 107 characters at most.
        folder = shell.run(["mktemp", "-d", "/tmp/slipway-rehearsal.XXXXXX"]).strip()
        path = f"{folder}/agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        shell.wait_for("the SSH agent", lambda: Path(path).exists(), 10)
        shell.run(["ssh-add", "-q", str(place.key)], env=os.environ | {"SSH_AUTH_SOCK": path})
        return cls(path, process)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        shutil.rmtree(Path(self.socket).parent, ignore_errors=True)


def write_cli(place: Place) -> Path:
    """A directory for PATH, in which `aws` is rehearsal/session.py."""
    folder = place.shared / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "aws"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m rehearsal.session "$@"\n')
    program.chmod(0o755)
    return folder


def remove(place: Place) -> None:
    """Containers, volumes, networks and names of the rehearsal; its images and keys stay for the next one."""
    found = shell.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
    if found:
        shell.docker("rm", "--force", "--volumes", *found)
    volumes = shell.docker("volume", "ls", "--quiet", "--filter", f"name=^{PREFIX}-").split()
    if volumes:
        shell.docker("volume", "rm", *volumes)
    networks = shell.docker("network", "ls", "--format", "{{.Name}}").split()
    for name in (settings.VPC_NETWORK, settings.SERVICES_NETWORK):
        if name in networks:
            shell.docker("network", "rm", name)
    write_names({})
    for folder in Path("/etc/docker/certs.d").glob(f"{settings.ACCOUNT}.dkr.ecr.*"):
        shell.run(shell.privileged("rm", "-r", str(folder)))
    if place.path.exists():
        shutil.rmtree(place.path)
