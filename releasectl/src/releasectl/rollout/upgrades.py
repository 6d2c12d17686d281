"""Pure: what upgrades of packages have left to do: processes that still run replaced files, and a reboot."""

from __future__ import annotations

from .finding import HOST, Finding
from .surroundings import Surroundings

NAMED = 3


def upgrade_findings(seen: Surroundings, host: str) -> tuple[Finding, ...]:
    fix = f"ansible-playbook playbooks/upgrade.yml --limit {host or 'HOST'}"
    found = [
        Finding(HOST, f"restart needed: {unit} ({_named(names)} replaced since it started)", fix)
        for unit, names in seen.replaced.items()
    ]
    if seen.reboot:
        found.append(Finding(HOST, f"reboot needed: {seen.reboot}", f"{fix} -e reboot=true"))
    return tuple(found)


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
