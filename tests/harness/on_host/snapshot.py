"""
All that a lab host says about its service, as one JSON document; looked at from outside the engine. Each argument is a
command of the engine to run before, such as `recover`.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from typing import Any

HOME = "/var/lib/slipway/inference"


def lines(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


def text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def releasectl(command: str) -> Any:
    done = subprocess.run(["releasectl", *command.split(), "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)


def main() -> None:
    commands = [releasectl(command) for command in sys.argv[1:]]
    status = releasectl("status")
    containers = lines("docker", "ps", "--all", "--filter", "label=slipway.service=inference", "--format",
                       '{{.Names}}:{{.State}}:{{.Label "slipway.release"}}')  # fmt: skip
    units = lines("systemctl", "list-units", "--all", "--plain", "--no-legend", "inference@*", "slipway-inference-*")
    history = [json.loads(line) for line in text(f"{HOME}/history.jsonl").splitlines() if line.endswith("}")]
    slots = f"{HOME}/slots"
    print(json.dumps({
        "commands": commands,
        "status": status,
        "map": text(f"{HOME}/live.map").split(),
        "home": sorted(os.listdir(HOME)),
        "hidden": glob.glob(f"{HOME}/**/.*", recursive=True),
        "releases": sorted(int(name) for name in os.listdir(f"{HOME}/releases") if name.isdigit()),
        "links": {name: int(os.path.basename(os.readlink(f"{slots}/{name}"))) for name in os.listdir(slots)},
        "containers": sorted(containers),
        "units": {fields[0]: fields[2] for fields in map(str.split, units)},
        "run": sorted(os.listdir("/run/slipway")),
        "history": [
            {"txn": it["txn"], "kind": it["kind"], "outcome": it["outcome"], "release": it["release"]["id"],
             "version": it["release"]["version"], "cause": it["cause"], "by": it["by"], "recovered": it["recovered"]}
            for it in history
        ],
    }))  # fmt: skip


main()
