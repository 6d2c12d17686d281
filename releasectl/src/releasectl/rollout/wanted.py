"""Pure: the version that the inventory wants of a service, and the notice when another one is live."""

from __future__ import annotations

from ..documents.timestamps import age
from ..startup.fast_dataclass import dataclass
from .finding import RELEASE, Finding


@dataclass(frozen=True)
class Wanted:
    version: str
    at: float | None = None
    """When a deploy recorded it (seconds since the epoch); None: the inventory says so now."""
    by: str = ""


def wanted_findings(
    wanted: Wanted | None, live: str | None, now: float, host: str, service: str
) -> tuple[Finding, ...]:
    """
    Notices: after a rollback it is meant so, yet the next deploy without a version would undo it.
    `live`: None: nothing is live, which has a finding of its own. `host`: as in the inventory; empty: unknown.
    """
    if wanted is None or live is None or wanted.version == live:
        return ()
    seen = f" (as of the deploy {age(now - wanted.at)} ago by {wanted.by})" if wanted.at is not None else ""
    cause = f"the inventory has {wanted.version}{seen}, but {live} is live"
    deploy = f"ansible-playbook playbooks/deploy.yml --limit {host or 'HOST'} -e service={service}"
    fix = f"set the service's version in services.yml to {live}, or: {deploy} -e version={wanted.version}"
    return (Finding(RELEASE, cause, fix),)
