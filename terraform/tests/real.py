"""The real AWS provider against a rehearsal's stand-in for AWS: what the provider and an account's API refuse, plans
that replace or delete, applies, and outputs that hold values.

The provider is hashicorp/aws of Terraform's registry, or of a mirror: where TF_CLI_CONFIG_FILE names a provider that
knows only schemas, SLIPWAY_REAL_PROVIDER names the file for these tests. Where it cannot be had the tests fail.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terraform.tools import plan as terraform_plan

DEADLINE_S = 900
REGION = "eu-central-1"
MISSING = (
    "Failed to get the real AWS provider: neither Terraform's registry nor a mirror of it is in reach. "
    "Name a CLI configuration file with a mirror of hashicorp/aws in SLIPWAY_REAL_PROVIDER.\n"
)


@dataclass(frozen=True)
class Real:
    """A copy of terraform/ that the real provider can work on, and the account it works on."""

    path: Path
    address: str

    @property
    def environment(self) -> dict[str, str]:
        """For Terraform, and for whatever else speaks to the account."""
        kept = {k: v for k, v in os.environ.items() if k not in ("AWS_PROFILE", "AWS_SESSION_TOKEN")}
        if own := os.environ.get("SLIPWAY_REAL_PROVIDER"):
            kept.pop("TF_DISABLE_PLUGIN_TLS", None)
            kept["TF_CLI_CONFIG_FILE"] = own
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }

    def terraform(self, env: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.path / "environments" / env,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL,
        )

    def plan(self, env: str, variables: Sequence[str], *more: str) -> dict[str, Any]:
        """The plan's JSON; AssertionError with Terraform's own words when there is none."""
        file = self.path / f"{env}.tfplan"
        wishes = [f"-var={v}" for v in variables]
        done = self.terraform(env, "plan", "-input=false", "-no-color", "-lock=false", f"-out={file}", *more, *wishes)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        shown = self.terraform(env, "show", "-json", str(file))
        assert shown.returncode == 0, shown.stderr
        made: dict[str, Any] = json.loads(shown.stdout)
        return made

    def apply(self, env: str) -> None:
        """What was planned last."""
        done = self.terraform(env, "apply", "-input=false", "-no-color", str(self.path / f"{env}.tfplan"))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def make(path: Path, address: str, *environments: str) -> Real:
    """A copy in `path` whose environments are ready to plan."""
    terraform_plan.copy_code(path)
    real = Real(path, address)
    for env in environments:
        ready(real, env)
    return real


def ready(real: Real, env: str) -> None:
    """Initialised, with a provider that is no stand-in: one that knows only schemas is a script."""
    init = real.terraform(env, "init", "-input=false", "-no-color")
    if init.returncode != 0 or programs(real, env)[0].stat().st_size < 50_000_000:
        raise AssertionError(MISSING + init.stderr)


def programs(real: Real, env: str) -> list[Path]:
    folder = real.path / "environments" / env / ".terraform/providers/registry.terraform.io/hashicorp/aws"
    return list(folder.glob("*/*/terraform-provider-aws*"))
