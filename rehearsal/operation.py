"""The steps after the first release: verify, and roll back."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from typing import TYPE_CHECKING

from . import settings, shell

if TYPE_CHECKING:
    from .steps import Rehearsal

HOST_TESTS_S = 600.0


def next_patch(version: str) -> str:
    """v1.4.9 → v1.4.10."""
    major, minor, patch = version.split("-")[0].split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def served_version(it: Rehearsal) -> str:
    """What a client gets at the public name over verified TLS. Raises Failed if nobody answers."""
    url = f"https://{it.infra['domain']}/version"
    context = ssl.create_default_context(cafile=str(it.world.bundle))
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return str(json.load(answer)["version"])
    except (OSError, ValueError, KeyError) as error:
        raise shell.Failed(f"{url}: {error}") from error


def expect_version(it: Rehearsal, version: str) -> None:
    if (found := served_version(it)) != version:
        raise shell.Failed(f"https://{it.infra['domain']} serves {found} instead of {version}")


def verify(it: Rehearsal) -> str:
    """`make verify`: the tests of tests/host over the environment's inventory."""
    argv = [sys.executable, "-m", "pytest", "tests/host", "--env", it.place.env, "-q"]
    argv += ["--extra-vars", json.dumps(it.switches())]
    out = shell.run(argv, env=it.environment(), cwd=settings.ROOT, deadline_s=HOST_TESTS_S, log=it.log)
    return out.strip().splitlines()[-1].strip("= ")


def roll_back(it: Rehearsal) -> str:
    """A second version goes live; a rollback brings the first one back."""
    second = next_patch(it.version)
    it.playbook("playbooks/build.yml", version=second, build_existing="keep")
    it.playbook("playbooks/deploy.yml", version=second)
    expect_version(it, second)
    it.playbook("playbooks/rollback.yml", version=it.version)
    expect_version(it, it.version)
    return f"{it.version} → {second} → {it.version}"
