#!/usr/bin/env python3
"""An inventory source: what Terraform made for an environment, as the variable `ground` of every host.

inventory/<environment>/ground.py is a link to this file; Ansible runs it once a run. `ground` is the output `ansible`
of terraform/environments/<environment>; SLIPWAY_GROUND names a file to read instead, as
`terraform output -json ansible` prints it, for a controller that may not read the state.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DEADLINE_S = 60


class NoGround(Exception):
    """The outputs could not be read; the message says what to do."""


def outputs(root: Path, env: str) -> dict[str, Any]:
    """The environment's ground. Raises NoGround."""
    if named := os.environ.get("SLIPWAY_GROUND"):
        return dict(json.loads(Path(named).read_text()))
    command = ["terraform", f"-chdir={root / 'terraform' / 'environments' / env}", "output", "-json", "ansible"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise NoGround(
            "terraform is not on this machine; install it, or name its outputs with SLIPWAY_GROUND"
        ) from None
    except subprocess.TimeoutExpired:
        raise NoGround(f"terraform output did not answer within {DEADLINE_S} s") from None
    if done.returncode != 0:
        raise NoGround(f"{done.stderr.strip()}\nNo ground for {env} yet? See docs/runbooks/first-apply.md.")
    return dict(json.loads(done.stdout))


def main() -> int:
    # The link's own folder says which environment is asked for.
    here = Path(os.path.abspath(sys.argv[0])).parent
    root = Path(__file__).resolve().parents[2]
    if "--host" in sys.argv:
        print("{}")
        return 0
    try:
        ground = outputs(root, here.name)
    except (NoGround, OSError, json.JSONDecodeError) as error:
        print(f"Failed to read the ground of {here.name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"all": {"vars": {"ground": ground}}, "_meta": {"hostvars": {}}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
