"""One copy of terraform/ for the whole session, and the long work (tests, plans, checkov) started two at a time.

A missing tool is a failure with a sentence, never a skip.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from terraform.tools import plan as terraform_plan
from tests.harness import moto

ROOT = terraform_plan.ROOT
MODULES = sorted(p.name for p in (ROOT / "terraform" / "modules").iterdir() if p.is_dir())
FOLDERS = [*(f"modules/{m}" for m in MODULES), "bootstrap", *(f"environments/{e}" for e in terraform_plan.ENVIRONMENTS)]
PLANS = [(e, t) for e in terraform_plan.ENVIRONMENTS for t in terraform_plan.TOPOLOGIES]
# checkov sees each environment as it is shipped, and prod, the strictest, in every topology.
SCANNED = [("dev", "single"), ("staging", "fleet"), *(("prod", t) for t in terraform_plan.TOPOLOGIES)]
# What the examples leave to their reader.
KEYS = [f'access={{public_keys=["{terraform_plan.ANY_KEY}"]}}']
DEADLINE_S = 900
# All of it, on a machine that others use as well.
ALL_S = 2400


@dataclass(frozen=True)
class Done:
    """How a command ended, and all it said."""

    code: int
    said: str


def run(folder: Path, *command: str) -> Done:
    """A command's exit code and its words, both streams together; never waits longer than the deadline."""
    done = subprocess.run(
        command,
        cwd=folder,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Done(done.returncode, done.stdout)


@dataclass
class Ground:
    """The copy under test and what was started on it."""

    path: Path
    pool: ThreadPoolExecutor
    jobs: dict[str, Future[Any]] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def init(self, folder: str) -> None:
        """The provider is installed once and linked into every folder: installing side by side is not safe."""
        with self.lock:
            if folder in self.ready:
                return
            first, here = self.path / FOLDERS[0], self.path / folder
            (here / ".terraform").mkdir()
            (here / ".terraform" / "providers").symlink_to(first / ".terraform" / "providers")
            shutil.copy(first / ".terraform.lock.hcl", here)
            code = "\n".join(p.read_text() for p in here.glob("*.tf"))
            if re.search(r'source\s*= "\.\./|backend "', code):
                done = run(here, "terraform", "init", "-input=false", "-no-color")
                if done.code != 0:
                    raise AssertionError(f"terraform init failed in {folder}:\n{done.said}")
            self.ready.add(folder)

    def check(self, folder: str, *arguments: str) -> Done:
        self.init(folder)
        return run(self.path / folder, "terraform", *arguments, "-no-color")

    def plan(self, env: str, topology: str) -> dict[str, Any]:
        self.init(f"environments/{env}")
        made = terraform_plan.plan(
            self.path / "environments" / env, env, [*KEYS, *terraform_plan.topology_variables(topology)]
        )
        (self.path.parent / f"{env}-{topology}.json").write_text(json.dumps(made))
        return made

    def scan(self) -> Done:
        common = ["--skip-download", "--quiet", "--compact", "--output", "json"]
        return run(
            self.path,
            *program("checkov", "checkov"),
            "--framework",
            "terraform",
            "-d",
            "modules",
            "-d",
            "bootstrap",
            *common,
        )

    def scan_plans(self) -> Done:
        for env, topology in SCANNED:
            self.wait(f"plan {env} {topology}")
        files = [a for e, t in SCANNED for a in ("-f", str(self.path.parent / f"{e}-{t}.json"))]
        return run(
            self.path,
            *program("checkov", "checkov"),
            "--framework",
            "terraform_plan",
            *files,
            "--skip-download",
            "--quiet",
            "--compact",
            "--output",
            "json",
            "--repo-root-for-plan-enrichment",
            ".",
        )

    def wait(self, job: str) -> Any:
        return self.jobs[job].result(timeout=ALL_S)


# An account of one's own is not asked.
for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def plugin_sockets() -> Iterator[None]:
    """Of this session alone: a provider names its socket by its process id, and killed ones leave theirs behind."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLUGIN_UNIX_SOCKET_DIR", directory)
        yield


LOCKS = {"checkov": ROOT / "terraform/tests/requirements-checkov.lock"}
MAKING = {name: threading.Lock() for name in LOCKS}


def tool(name: str) -> Path:
    """Folder of a tool's programs, made from its lock when need be."""
    command = [str(ROOT / "tools" / "tool_venv"), name, str(LOCKS[name])]
    with MAKING[name]:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{name} could not be installed from {LOCKS[name].relative_to(ROOT)}:\n{done.stderr}")
    return Path(done.stdout.strip())


def program(environment: str, name: str) -> tuple[str, str]:
    """By its interpreter: a script's first line names that by a path, which must not have a space or have moved."""
    programs = tool(environment)
    return str(programs / "python"), str(programs / name)


def stand_in() -> contextlib.AbstractContextManager[str]:
    """The stand-in for AWS of a rehearsal, with the policies that AWS manages, which roles are given; its address."""
    return moto.running(MOTO_IAM_LOAD_MANAGED_POLICIES="true")


def start(ground: Ground) -> None:
    """Longest first; what others wait for (the plans) before those who wait."""
    submit = ground.pool.submit
    for env, topology in PLANS:
        ground.jobs[f"plan {env} {topology}"] = submit(ground.plan, env, topology)
    for name in LOCKS:
        ground.jobs[f"tool {name}"] = submit(tool, name)
    ground.jobs["tool moto"] = submit(moto.python)
    for folder in sorted(FOLDERS, key=lambda f: not f.startswith("environments")):
        ground.jobs[f"test {folder}"] = submit(ground.check, folder, "test")
    ground.jobs["scan plans"] = submit(ground.scan_plans)
    ground.jobs["scan code"] = submit(ground.scan)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if shutil.which("terraform") is None:
        pytest.fail(
            "terraform is not on this machine. Install Terraform 1.11 or newer, then: make test-terraform",
            pytrace=False,
        )
    folder = tmp_path_factory.mktemp("ground")
    path = folder / "terraform"
    terraform_plan.copy_code(path)
    os.environ.update(TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1")
    # Nothing is called; the provider only wants to see some.
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
    first = run(path / FOLDERS[0], "terraform", "init", "-input=false", "-no-color")
    if first.code != 0:
        pytest.fail(
            "Terraform cannot get its AWS provider: neither registry nor mirror (TF_CLI_CONFIG_FILE) is in reach.\n"
            + first.said,
            pytrace=False,
        )
    with ThreadPoolExecutor(max_workers=2) as pool:
        made = Ground(path, pool, ready={FOLDERS[0]})
        start(made)
        yield made
        for job in made.jobs.values():
            job.cancel()


@pytest.fixture(scope="session", params=PLANS, ids=lambda p: "-".join(p))
def planned(request: pytest.FixtureRequest, ground: Ground) -> Planned:
    env, topology = request.param
    return Planned(env, topology, ground.wait(f"plan {env} {topology}"))


@dataclass(frozen=True)
class Planned:
    """The plan of one environment in one topology, read by type."""

    env: str
    topology: str
    plan: dict[str, Any]

    def all(self, *types: str) -> dict[str, dict[str, Any]]:
        """Planned values of every managed resource of these types (all types when none is named), by address."""
        return {
            r["address"]: r["change"]["after"]
            for r in self.plan["resource_changes"]
            if r["mode"] == "managed" and (not types or r["type"] in types)
        }

    def unknown(self, address: str) -> dict[str, Any]:
        """What of a resource is known only after it was made."""
        found: dict[str, Any] = next(
            r["change"]["after_unknown"] for r in self.plan["resource_changes"] if r["address"] == address
        )
        return found
