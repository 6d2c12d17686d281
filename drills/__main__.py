"""
Practise an incident on a host of the lab: python -m drills [N] [--host inference-1] [--undo]

Without N it lists what can be practised. It breaks the host, says what the pager would say, and waits until the host
is fixed: `releasectl status` has no trouble left and a client is served. Begin with docs/runbooks/README.md.
Exit codes: 0 fixed or undone, 1 not fixed in time, 2 no such drill or host, 130 interrupted (the host stays broken).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from .incidents import INCIDENTS, Incident
from .lab_host import LabHost, NotRunning

WAIT_S = 3600.0
POLL_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m drills", description="Practise an incident on a host of the lab.")
    parser.add_argument("number", type=int, nargs="?", help=f"1 to {len(INCIDENTS)}; without it, list them")
    parser.add_argument("--host", default="inference-1", help="a host of the lab (default: %(default)s)")
    parser.add_argument("--undo", action="store_true", help="give up: put the host back as it was")
    given = parser.parse_args()
    if given.number is None:
        for number, incident in enumerate(INCIDENTS, 1):
            print(f"{number:3}  {incident.pager}")
        return 0
    if not 1 <= given.number <= len(INCIDENTS):
        print(f"There is no drill {given.number}: expected 1 to {len(INCIDENTS)}.", file=sys.stderr)
        return 2
    incident = INCIDENTS[given.number - 1]
    host = LabHost(given.host)
    try:
        if given.undo:
            host.undo(incident)
            print(f"Undone: {given.host} is as before.")
            return 0
        return practise(host, given.number, incident)
    except NotRunning as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"Failed on {given.host}: {error.stderr.strip() or error}", file=sys.stderr)
        return 1


def practise(host: LabHost, number: int, incident: Incident) -> int:
    if before := host.troubles(incident):
        print(f"{host.name} has a trouble before the drill: {before[0]}", file=sys.stderr)
        return 2
    host.break_it(incident)
    began = time.monotonic()
    print(f"PAGER  {host.name}: {incident.pager}")
    print(f"Begin with docs/runbooks/README.md: host={host.name} env=local")
    print(f"Give up with: make drill N={number} HOST={host.name} UNDO=yes", flush=True)
    try:
        while time.monotonic() - began < WAIT_S:
            if not host.troubles(incident):
                print(f"Fixed after {time.monotonic() - began:.0f} s. Its page: docs/runbooks/{incident.page}")
                return 0
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        print(f"\nThe host stays broken. Undo with: make drill N={number} HOST={host.name} UNDO=yes", file=sys.stderr)
        return 130
    print(f"Not fixed within {WAIT_S / 60:.0f} minutes. Its page: docs/runbooks/{incident.page}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
