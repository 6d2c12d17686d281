#!/usr/bin/env python3
"""An inventory source: the Terraform outputs of an environment as the variable `infra` of every host.

inventory/<environment>/terraform_outputs.py is a link to this file; Ansible runs it once per run. `infra` is the output
`ansible` of terraform/environments/<environment>. A controller that must not read the state sets
SLIPWAY_TERRAFORM_OUTPUTS to a file with the output of `terraform output -json ansible`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DEADLINE_S = 60
FILE = "SLIPWAY_TERRAFORM_OUTPUTS"
RENAMED = "SLIPWAY_GROUND"


class Unavailable(Exception):
    """The outputs could not be read; the message has the next step."""


def outputs(root: Path, env: str) -> dict[str, Any]:
    """The Terraform outputs of the environment. Raises Unavailable."""
    if RENAMED in os.environ:
        raise Unavailable(f"the environment variable {RENAMED} was renamed: set {FILE} instead")
    if named := os.environ.get(FILE):
        return dict(json.loads(Path(named).read_text()))
    command = ["terraform", f"-chdir={root / 'terraform' / 'environments' / env}", "output", "-json", "ansible"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Unavailable(f"terraform is not installed; install it, or set {FILE} to a file with the outputs") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"terraform output timed out after {DEADLINE_S} s") from None
    if done.returncode != 0:
        hint = f"If {env} was never applied, see docs/runbooks/first-apply.md."
        raise Unavailable(f"{done.stderr.strip()}\n{hint}")
    return dict(json.loads(done.stdout))


def main() -> int:
    # The directory of the link names the environment.
    here = Path(os.path.abspath(sys.argv[0])).parent
    root = Path(__file__).resolve().parents[2]
    if "--host" in sys.argv:
        print("{}")
        return 0
    try:
        infra = outputs(root, here.name)
    except (Unavailable, OSError, json.JSONDecodeError) as error:
        print(f"Failed to read the Terraform outputs of {here.name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"all": {"vars": {"infra": infra}}, "_meta": {"hostvars": {}}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
