"""From a resolved request to a transaction: what is live, what is refused, which phases there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.journal import Intent
from ..model.model import Release, Settings, State
from ..model.rollout_options import RegistryAuth, Rollout
from ..rollout import plan
from ..rollout.gates import is_ready, wait_until_ready, wait_until_up
from ..rollout.phases import phases_of
from ..rollout.ports import Host, moment
from ..rollout.run import new_run
from ..rollout.transaction import Transaction
from ..startup.fast_dataclass import dataclass
from .maintenance import describe
from .preflight import check_requirements, ensure_capacity, keep_answering_standby
from .reachability import keep_cut_off_standby
from .result import Result


@dataclass(frozen=True)
class ResolvedRequest:
    """The release to make live, and what is known about it."""

    release: Release
    fresh: bool
    settings: Settings
    by: str
    reason: str
    auth: RegistryAuth | None = None
    rollout: Rollout | None = None


Resolve = Callable[[State, Mapping[int, Release]], ResolvedRequest]


def plan_rollout(
    host: Host, *, kind: str, resolve: Resolve, state: State, result: Result, txn: Callable[[], str], checks: bool
) -> tuple[Intent, Transaction] | None:
    """
    `checks`: False for a dry run. None: nothing to do (or a dry run), and the result says so. Raises Failure when the
    rollout is refused.
    """
    config, releases = host.config, recorded_releases(host)
    live, standby = state.live, state.standby
    old = releases.get(live.ref.id) if live else None
    result.previous = live.ref if live else None
    resolved = resolve(state, releases)
    target = resolved.release.ref
    result.release = target
    old_settings = host.records.settings(old.ref.id) if old else Settings()
    result.diff = plan.diff(old, resolved.release, plan.changed_keys(old_settings, resolved.settings))
    if live and live.ref.id == target.id and _is_up(host, live.slot, resolved.release, wait=checks):
        result.outcome, result.message = "unchanged", f"{target} is live already"
        if checks and not wait_until_up(host, live.slot):
            result.warnings.append(f"HAProxy's health check finds {live.slot} down: see `releasectl status`")
        return None
    if not checks:
        result.outcome, result.changed = "would_change", True
        result.message = f"{target} would go live" + (f", {live.ref} is live" if live else "")
        if old:
            # Local import: only a dry run shows it (docs/startup.md).
            from ..rollout.difference import brief, difference

            result.extra["changes"] = brief(difference(old, resolved.release, old_settings, resolved.settings))
        return None
    same = standby is not None and standby.ref.id == target.id
    # Its unit is up: recovery has just ended every standby whose unit is not.
    running = bool(standby and same and is_ready(host, standby.slot, resolved.release.gates))
    number = txn()
    intent = plan.build_intent(
        kind=kind,
        txn=number,
        target=target,
        fresh=resolved.fresh,
        running=running,
        state=state,
        config=config,
        by=resolved.by,
        reason=resolved.reason,
        now=host.process.now(),
        rollout=resolved.rollout,
        old_ready_path=old.gates.readiness_path if old else "/ready",
    )
    if intent.displaces and live and old and not is_ready(host, live.slot, old.gates):
        # First, because waiting for its port would be in vain.
        keep_cut_off_standby(host, intent, releases)
        if not _is_up(host, live.slot, old, wait=checks):
            keep_answering_standby(host, intent, releases)
    if state.maintenance:
        result.warnings.append(f"{describe(state.maintenance)}: no traffic until `releasectl maintenance off`")
    elif resolved.rollout and resolved.rollout.canary and not intent.canary:
        result.warnings.append("canary: no other release is live to compare with, so all the traffic moves at once")
    intent = ensure_capacity(host, intent, resolved.release, releases, result)
    present = check_requirements(host, intent, resolved.auth)
    phases = phases_of(intent, config, resolved.release.gates, present, moment(host))
    run = new_run(resolved.release, resolved.settings, resolved.auth, number)
    return intent, Transaction(host, intent=intent, known=phases, run=run, timings=result.phases)


def _is_up(host: Host, slot: str, release: Release, wait: bool) -> bool:
    """Ready; or still starting (after a boot): then another copy of it would be ready no sooner."""
    return is_ready(host, slot, release.gates) or (wait and wait_until_ready(host, slot, release))


def recorded_releases(host: Host) -> dict[int, Release]:
    """The readable ones."""
    return {number: it for number, it in host.records.releases().items() if isinstance(it, Release)}


def live_release(host: Host, state: State, releases: Mapping[int, Release]) -> tuple[Release, Settings] | None:
    """What a request inherits from."""
    release = releases.get(state.live.ref.id) if state.live else None
    return (release, host.records.settings(release.ref.id)) if release else None


def next_id(host: Host, state: State) -> int:
    """Ids are never used twice, not even those of failed releases, which only the history has."""
    used = {entry.release.id for entry in host.records.history().entries} | set(host.records.releases())
    used |= {ref.id for ref in (state.live and state.live.ref, state.previous) if ref}
    return max(used, default=0) + 1
