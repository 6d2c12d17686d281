#!/usr/bin/env python3
"""Plans an environment from nothing, as JSON: what would be made if it did not exist yet.

    terraform/tools/plan.py ENV [--topology T] [--var-file F] [--var NAME=VALUE]   the plan on standard output

The plan is made in a copy of terraform/ with a local, empty state: neither the environment's state nor its folder is
touched. It reads data (the account, zones, images), so it needs AWS credentials that may read, and `terraform init`
needs its registry or a mirror.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = tuple(sorted(p.parent.name for p in (ROOT / "terraform/environments").glob("*/environment.tf")))
TOPOLOGIES = ("single", "fleet", "ecs", "serverless")
DEADLINE_S = 600
# Topologies that start with an image need its digest, a fleet the key of its bundle, hosts a public key: a plan for its
# shape or its price takes any.
ANY_IMAGE = "sha256:" + "0" * 64
ANY_BUNDLE = "bundles/v0.0.0.tar.gz"
ANY_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " nobody@example.com"


class PlanError(Exception):
    """What Terraform said when it refused."""


def run(folder: Path, *arguments: str) -> str:
    """Terraform's standard output; PlanError with its own words when it fails."""
    if shutil.which("terraform") is None:
        raise PlanError("terraform is not on this machine: install Terraform 1.11 or newer.")
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise PlanError(
            f"terraform {arguments[0]} failed in {folder.name}:\n{done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout


def copy_code(target: Path) -> None:
    """terraform/ with every link followed and a local state for each environment: it can be planned anywhere."""
    ignored = shutil.ignore_patterns(
        ".terraform", ".terraform.lock.hcl", "*.tfstate*", "terraform.tfvars", "backend.hcl", "composition"
    )
    shutil.copytree(ROOT / "terraform", target, ignore=ignored)
    for python in ("tests", "tools"):
        shutil.rmtree(target / python)
    for env in ENVIRONMENTS:
        override = target / "environments" / env / "backend_override.tf"
        override.write_text('terraform {\n  backend "local" {}\n}\n')


@contextlib.contextmanager
def workspace(env: str) -> Iterator[Path]:
    """A copy of the environment with an empty local state, initialised; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="slipway-plan-") as scratch:
        copy = Path(scratch) / "terraform"
        copy_code(copy)
        folder = copy / "environments" / env
        run(folder, "init", "-input=false", "-no-color")
        yield folder


def variables_file(env: str) -> Path:
    """The environment's own terraform.tfvars, or its example where there is none yet."""
    folder = ROOT / "terraform" / "environments" / env
    own = folder / "terraform.tfvars"
    return own if own.exists() else folder / "terraform.tfvars.example"


def plan(folder: Path, env: str, variables: Sequence[str] = (), file: Path | None = None) -> dict[str, Any]:
    """The plan's JSON (terraform show -json); variables are NAME=VALUE."""
    arguments = [f"-var={v}" for v in variables]
    with tempfile.NamedTemporaryFile(suffix=".tfplan") as out:
        run(
            folder,
            "plan",
            "-input=false",
            "-no-color",
            "-lock=false",
            f"-out={out.name}",
            f"-var-file={file or variables_file(env)}",
            *arguments,
        )
        answer: dict[str, Any] = json.loads(run(folder, "show", "-json", out.name))
    return answer


def example_variables(env: str) -> list[str]:
    """What an example leaves to its reader, where there is no terraform.tfvars yet: no zone is looked up."""
    if variables_file(env).name == "terraform.tfvars":
        return []
    return [f'access={{public_keys=["{ANY_KEY}"]}}', 'domain={zone="example.com",create_zone=true,delegated=true}']


def of_the_example(env: str) -> str:
    """A sentence for whoever reads a plan of the example, or nothing."""
    if not example_variables(env):
        return ""
    return (
        f"{env} has no terraform.tfvars yet: this is its example, with a zone made for it. "
        f"Next: cp terraform/environments/{env}/terraform.tfvars.example terraform/environments/{env}/terraform.tfvars"
    )


def topology_variables(topology: str | None) -> list[str]:
    """Variables that lay a topology over an environment's own settings."""
    if topology is None:
        return []
    image = f"image={ANY_IMAGE}"
    start = {"fleet": [f"bundle={ANY_BUNDLE}"], "ecs": [image], "serverless": [image]}
    return [f"topology={topology}", *start.get(topology, [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("env", choices=ENVIRONMENTS)
    parser.add_argument("--topology", choices=TOPOLOGIES)
    parser.add_argument("--var-file", type=Path)
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    try:
        with workspace(asked.env) as folder:
            given = [] if asked.var_file else example_variables(asked.env)
            wishes = [*given, *topology_variables(asked.topology), *asked.var]
            made = plan(folder, asked.env, wishes, asked.var_file)
    except PlanError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(made, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
