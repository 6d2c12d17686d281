"""Terraform of the environment, in a copy: the user's directory, state and backend are left alone."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terraform.tools.plan import ANY_BUNDLE, ANY_IMAGE

from . import shell
from .settings import ROOT, Place

DEADLINE_S = 1800.0
IGNORED = (
    ".terraform",
    ".terraform.lock.hcl",
    "*.tfstate*",
    "tests",
    "tools",
    "backend.hcl",
    "__pycache__",
    "composition",
)
# Asked before anything is made, so that a mistake in terraform.tfvars ends the rehearsal at once.
WANTED = (
    "jsonencode({domain = var.domain, access = var.access, region = var.region, topology = var.topology, "
    "service = var.service, cidr = local.cidr, fqdn = local.fqdn, os = local.size.os, "
    "architecture = local.size.architecture, suffix = var.suffix, ci = var.ci, api = var.api != null, "
    "bundle = var.bundle, image = var.image})"
)
# Whose pipeline may deploy, where terraform.tfvars names none.
PIPELINE = "example/slipway"
GUARD = "terraform_data.guard[0]"
PROTECTION = re.compile(r"(\b(?:must_be_)?protected\s*=\s*)true")
# The example leaves its keys to its reader.
EXAMPLE_KEYS = re.compile(r"public_keys\s*=\s*\[[^]]*\]")


@dataclass(frozen=True)
class Wanted:
    """What the variables of the environment say."""

    region: str
    topology: str
    os: str
    architecture: str
    fqdn: str | None
    zone: str | None  # to exist before the apply: Terraform looks it up
    access: dict[str, Any]
    ci: dict[str, Any] | None = None
    api: bool = False
    bundle: str | None = None
    image: str | None = None

    @property
    def balanced(self) -> bool:
        return self.topology in ("fleet", "ecs")


def wanted_of(said: dict[str, Any]) -> Wanted:
    domain = said["domain"] or {}
    zone = domain.get("zone") if not domain.get("create_zone") else None
    return Wanted(
        said["region"], said["topology"], said["os"], said["architecture"], said["fqdn"], zone, said["access"],
        said["ci"], said["api"], said["bundle"], said["image"],
    )  # fmt: skip


def refusal(wanted: Wanted) -> str:
    """Why this environment cannot be rehearsed, or nothing."""
    if wanted.architecture != "x86_64" or not wanted.os.startswith("debian"):
        return f"The rehearsal plays Debian on x86_64; terraform.tfvars asks for {wanted.os} on {wanted.architecture}."
    if wanted.fqdn is None:
        return (
            "The service answers for a name: give domain in terraform.tfvars, "
            'for instance { zone = "example.com", name = "api" }.'
        )
    if wanted.balanced and wanted.api:
        return f'The rehearsal plays topology "{wanted.topology}" without an API in front: leave api out.'
    if wanted.access["mode"] != "session_manager":
        return "The rehearsal reaches hosts by Session Manager: leave access.mode at session_manager."
    return ""


def with_key(access: dict[str, Any], key: str) -> dict[str, Any]:
    """The user's access, and the key of the rehearsal with it."""
    return {**access, "public_keys": [*(it for it in access["public_keys"] if it != key), key]}


def added_variables(wanted: Wanted, key: str, backend: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The playbooks run with the rights of the pipeline's role, so there has to be one, which reads this state.

    A fleet starts with a bundle, ECS and Lambda with an image: where terraform.tfvars names none, nothing is behind it.
    """
    added = {"topology": wanted.topology, "access": with_key(wanted.access, key)}
    state = {"state": {name: backend[name] for name in ("bucket", "key")}} if backend else {}
    added["ci"] = (wanted.ci or {"repository": PIPELINE}) | state
    if wanted.topology == "fleet":
        added["bundle"] = wanted.bundle or ANY_BUNDLE
    if wanted.topology in ("ecs", "serverless"):
        added["image"] = wanted.image or ANY_IMAGE
    return added


@dataclass
class Terraform:
    place: Place
    environment: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.place.terraform / "environments" / self.place.env

    @property
    def own_variables(self) -> Path:
        return ROOT / "terraform" / "environments" / self.place.env / "terraform.tfvars"

    def copy(self, key: str) -> str:
        """A fresh copy of terraform/ with the user's terraform.tfvars, or with the example's; which it was."""
        shutil.rmtree(self.place.terraform, ignore_errors=True)
        shutil.copytree(ROOT / "terraform", self.place.terraform, ignore=shutil.ignore_patterns(*IGNORED))
        if self.own_variables.exists():
            return "terraform.tfvars"
        example = (self.folder / "terraform.tfvars.example").read_text()
        given = EXAMPLE_KEYS.sub(f'public_keys = ["{key}"]', example)
        (self.folder / "terraform.tfvars").write_text(given)
        return "terraform.tfvars.example"

    def env(self, folder: str) -> dict[str, str]:
        """Data of each root outside of the copy, which is made again by every run."""
        own = {
            "TF_DATA_DIR": str(self.place.path / "data" / folder),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        kept = dict(self.environment)
        if real := os.environ.get("SLIPWAY_REAL_PROVIDER"):
            kept.pop("TF_DISABLE_PLUGIN_TLS", None)
            own["TF_CLI_CONFIG_FILE"] = real
        return kept | own

    def run(
        self, *arguments: str, root: str = "env", log: Path | None = None, ok: tuple[int, ...] = (0,)
    ) -> tuple[int, str]:
        cwd = self.place.terraform / "bootstrap" if root == "bootstrap" else self.folder
        return shell.run_code(
            ["terraform", *arguments], env=self.env(root), cwd=cwd, deadline_s=DEADLINE_S, log=log, ok=ok
        )

    def wanted(self, log: Path, topology: str | None = None) -> Wanted:
        """What the variables say, without any state. Raises Failed with Terraform's own words.

        A topology that is asked for comes before that of terraform.tfvars.
        """
        asked = [f"-var=topology={topology}"] if topology else []
        override = self.folder / "backend_override.tf"
        override.write_text('terraform {\n  backend "local" {}\n}\n')
        try:
            self.run("init", "-input=false", "-no-color", root="settings", log=log)
            said = shell.run(
                ["terraform", "console", "-no-color", *asked], env=self.env("settings"), cwd=self.folder,
                input=WANTED + "\n",
            )  # fmt: skip
            if "Error:" in said:
                raise shell.Failed(said.strip())
            return wanted_of(json.loads(json.loads(said.strip().splitlines()[-1])))
        finally:
            override.unlink()

    def bootstrap(self, log: Path) -> dict[str, Any]:
        """The bucket of the state, as docs/runbooks/first-apply.md says; what backend.hcl, from its outputs, says."""
        state = f"-state={self.place.path / 'bootstrap.tfstate'}"
        region = f"-var=region={self.environment['AWS_REGION']}"
        self.run("init", "-input=false", "-no-color", root="bootstrap", log=log)
        self.run("apply", "-input=false", "-no-color", "-auto-approve", state, region, root="bootstrap", log=log)
        _, said = self.run("output", "-json", state, "backend", root="bootstrap")
        backend: dict[str, Any] = json.loads(said) | {"key": f"{self.place.env}/terraform.tfstate"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in backend.items()]
        (self.folder / "backend.hcl").write_text("\n".join(lines) + "\n")
        return backend

    def init(self, log: Path) -> None:
        self.run("init", "-input=false", "-no-color", "-reconfigure", "-backend-config=backend.hcl", log=log)

    def variables(self, wanted: Wanted, key: str, backend: Mapping[str, Any] | None = None) -> None:
        """What the rehearsal adds to the user's variables, as a file that comes after them."""
        (self.folder / "rehearsal.tfvars.json").write_text(json.dumps(added_variables(wanted, key, backend)))

    def apply(self, log: Path, *more: str) -> None:
        self.run(
            "apply", "-input=false", "-no-color", "-auto-approve", "-var-file=rehearsal.tfvars.json", *more, log=log
        )

    def changes(self, log: Path) -> list[str]:
        """What a plan would change, by address."""
        file = self.place.path / "second.tfplan"
        code, _ = self.run(
            "plan", "-input=false", "-no-color", "-detailed-exitcode", "-var-file=rehearsal.tfvars.json",
            f"-out={file}", log=log, ok=(0, 2),
        )  # fmt: skip
        if code == 0:
            return []
        _, shown = self.run("show", "-json", str(file))
        changes = json.loads(shown).get("resource_changes", [])
        return [c["address"] for c in changes if c["change"]["actions"] not in (["no-op"], ["read"])] or ["outputs"]

    def outputs(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The outputs `ansible` and `hosts`, and a file with the first one for the inventory."""
        _, said = self.run("output", "-json")
        found = json.loads(said)
        (self.place.path / "outputs.json").write_text(json.dumps(found["ansible"]["value"]))
        return found["ansible"]["value"], found["hosts"]["value"]

    def pipeline_role(self) -> str:
        return str(json.loads(self.run("output", "-json", "ci_role_arn")[1]))

    def unprotect(self, log: Path) -> None:
        """A protected environment as docs/runbooks/destroy-an-environment.md says; any other is left as it is."""
        if GUARD not in self.run("state", "list")[1].splitlines():
            return
        self.run("state", "rm", GUARD, log=log)
        settings = self.folder / "environment.tf"
        settings.write_text(PROTECTION.sub(r"\1false", settings.read_text()))
        self.apply(log)

    def destroy(self, log: Path) -> None:
        self.run("destroy", "-input=false", "-no-color", "-auto-approve", "-var-file=rehearsal.tfvars.json", log=log)
