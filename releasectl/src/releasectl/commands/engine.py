"""The commands: each gathers what is known, plans in the core, and runs the plan over the host. Returns a Result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ..documents.request import one_line, read_prefetch, read_request
from ..model.errors import Code, Failure
from ..model.journal import Intent
from ..model.model import Maintenance, Release, State
from ..rollout import plan
from ..rollout.gates import is_ready
from ..rollout.ports import Host, Unreadable
from ..rollout.reconcile import RECOVERY
from ..rollout.recovery import Recovered, recover
from ..rollout.transaction import Transaction, as_failure
from .maintenance import record, refuse_others, set_maintenance
from .operator_hooks import Hooks
from .planning import Resolve, ResolvedRequest, live_release, next_id, plan_rollout, recorded_releases
from .preflight import check_free_space, check_platforms
from .prune import prune
from .reachability import hint_after
from .result import Result, observations_doc
from .rollback_info import rollback_info

if TYPE_CHECKING:
    from .around import Around

__all__ = ["Engine", "Lock", "Result", "rollback_info"]

Lock = Callable[[], AbstractContextManager[None]]


class Engine:
    def __init__(self, host: Host, lock: Lock, new_txn: Callable[[], str]) -> None:
        self.host = host
        self.lock = lock
        self.new_txn = new_txn
        self.hooks = Hooks(host)

    def deploy(self, document: Any, dry_run: bool = False) -> Result:
        result = Result(self.host.config.service)
        what = f"deploy {(document.get('version') if isinstance(document, dict) else None) or 'a release'}"

        def resolve(state: State, releases: Mapping[int, Release]) -> ResolvedRequest:
            request = read_request(document, live_release(self.host, state, releases))
            plan.refuse_older(request, state)
            release, fresh = plan.resolve_release(
                request,
                releases,
                state,
                settings_of=self.host.records.settings,
                next_id=lambda: next_id(self.host, state),
                now=self.host.process.now(),
            )
            return ResolvedRequest(
                release=release,
                fresh=fresh,
                settings=request.settings,
                by=request.by,
                reason=request.reason,
                auth=request.auth,
                rollout=request.rollout,
            )

        try:
            # Nonsense is refused before anything is locked or recovered.
            read_request(document, None)
            return self._change("deploy", resolve, dry_run, result)
        except Failure as failure:
            return result.fail(failure, what)

    def rollback(self, to: str | None, by: str, reason: str, dry_run: bool = False) -> Result:
        result = Result(self.host.config.service)
        what = f"roll back to {to}" if to else "roll back"

        def resolve(state: State, releases: Mapping[int, Release]) -> ResolvedRequest:
            release = plan.rollback_target(to, releases, state)
            return ResolvedRequest(
                release, False, self.host.records.settings(release.ref.id), one_line(by), one_line(reason)
            )

        try:
            return self._change("rollback", resolve, dry_run, result)
        except Failure as failure:
            return result.fail(failure, what)

    def recover(self, declared: str | None = None, around: Around | None = None) -> Result:
        """`around`: repair what surrounds the service as well."""
        # Local imports, as in `_give_up`: a rollout does not need them (docs/startup.md).
        from .failing_release import record_failovers
        from .healing import Healing, record_repairs

        result = Result(self.host.config.service)
        healing = Healing(self.host, around) if around else None
        try:
            with self.lock():
                if healing:
                    healing.before_recovery()
                found = self._recover(result, declared, resume=True)
                if healing:
                    healing.after_recovery(found)
                    repaired = [*found.repaired, *healing.done]
                    result.warnings += record_repairs(self.host, found.state, repaired, self.new_txn(), self.hooks)
                failing = record_failovers(self.host, found.state, result)
        except Failure as failure:
            return result.fail(failure, "recover")
        if failing:
            return self._give_up(found.done, result.warnings)
        live = found.state.live
        result.release, result.previous = live.ref if live else None, found.state.previous
        result.changed = bool(found.done)
        result.outcome = "recovered" if found.done else "unchanged"
        result.extra["done"] = found.done
        result.message = "; ".join(found.done) or "nothing to recover"
        if found.troubles:
            worst = max(found.troubles, key=lambda it: it.code == Code.PREFLIGHT)
            result.fail(worst, "recover")
            result.warnings += [failure.cause for failure in found.troubles]
        return result

    def _give_up(self, done: list[str], warnings: list[str]) -> Result:
        """Roll the live release back to its standby, if that still holds once the lock is held again."""
        from .failing_release import RECOVERY, failing_release

        result = Result(self.host.config.service, warnings=warnings)
        result.extra["done"] = done

        def resolve(state: State, releases: Mapping[int, Release]) -> ResolvedRequest:
            why, standby = failing_release(self.host, state), state.standby
            release = releases.get(standby.ref.id) if standby else None
            if not why or not standby or not release or not is_ready(self.host, standby.slot, release.gates):
                raise Failure(Code.PREFLIGHT, "the standby is not ready, or the live release is no longer the same")
            return ResolvedRequest(release, False, self.host.records.settings(release.ref.id), RECOVERY, why)

        try:
            return self._change("rollback", resolve, False, result, leave=False)
        except Failure as failure:
            return result.fail(failure, "roll back the failing release")

    def prefetch(self, document: Any, dry_run: bool = False) -> Result:
        """Only the pull, so that a later deploy has none to wait for. Touches nothing that is recorded or runs."""
        result = Result(self.host.config.service)
        try:
            image, auth = read_prefetch(document)
            free_mb = self.host.containers.free_mb()
            if self.host.containers.has_image(image):
                result.outcome, result.message = "unchanged", f"{image} is on this host already"
                return result
            check_free_space(self.host, free_mb)
            check_platforms(self.host, image, auth)
            if dry_run:
                result.outcome, result.changed, result.message = "would_change", True, f"{image} would be pulled"
                return result
            with self._phase("pull", result):
                self.host.containers.pull(image, auth, self.host.config.deadlines.pull)
        except Failure as failure:
            return result.fail(failure, "prefetch")
        result.outcome, result.changed, result.message = "prefetched", True, f"{image} is on this host now"
        return result

    def maintenance(self, on: bool, by: str, reason: str, force: bool = False, until_reboot: bool = False) -> Result:
        """`force`: end the maintenance of another operator. `until_reboot`: drain, and let the next boot end it."""
        result = Result(self.host.config.service)
        try:
            with self._locked(result):
                with self._phase("recover", result):
                    found = self._recover(result)
                boot = self.host.machine.boot() if until_reboot else ""
                wanted = Maintenance(self.host.process.now(), one_line(by), one_line(reason), boot) if on else None
                with self._phase("maintenance", result):
                    if not on and not force:
                        refuse_others(self.host.config.service, found.state.maintenance, one_line(by))
                    set_maintenance(self.host, found.state, wanted, result)
                    if result.changed:
                        record(self.host, found.state, on, one_line(by), one_line(reason), self.new_txn(), result)
        except Failure as failure:
            return result.fail(failure, f"{'begin' if on else 'end'} the maintenance")
        return result

    def prune(self, dry_run: bool = False) -> Result:
        result = Result(self.host.config.service)
        try:
            with self.lock():
                found = self._recover(result)
                gone = prune(self.host, recorded_releases(self.host), found.state, dry_run, result)
        except Failure as failure:
            return result.fail(failure, "prune")
        result.release = found.state.live.ref if found.state.live else None
        result.changed = bool(gone) and not dry_run
        result.outcome = ("would_change" if dry_run else "pruned") if gone else "unchanged"
        result.extra["pruned"] = gone
        result.message = ("Would remove " if dry_run else "Removed ") + ", ".join(gone) if gone else "nothing to prune"
        return result

    def _recover(self, result: Result, declared: str | None = None, resume: bool = False) -> Recovered:
        """Hooks hear of what it ended, once the live slot is well: at boot nobody waits for them."""
        found = Recovered()
        try:
            return recover(self.host, declared, resume, found)
        finally:
            if found.maintenance_over:
                record(self.host, found.state, False, RECOVERY, "the host has rebooted", self.new_txn(), result)
            for intent, failure in found.ended:
                result.warnings += self.hooks.after(intent, failure)

    # One path for deploy and rollback.

    def _change(self, kind: str, resolve: Resolve, dry_run: bool, result: Result, leave: bool = True) -> Result:
        """`leave`: the session of whoever asked for it. A unit of systemd has none."""
        if dry_run:
            records = self.host.records.read()
            if isinstance(records.state, Unreadable) or records.journal is not None:
                result.warnings.append("an interrupted or unreadable state would be recovered first")
            state = records.state if isinstance(records.state, State) else State()
            self._plan(kind, resolve, state, result, checks=False)
            return result
        with self._locked(result):
            with self._phase("recover", result):
                found = self._recover(result)
            result.warnings += [failure.cause for failure in found.troubles]
            with self._phase("preflight", result):
                planned = self._plan(kind, resolve, found.state, result)
            if planned is None:
                return result
            intent, transaction = planned
            if leave:
                self.host.process.leave_session()
            if kind == "deploy":
                with self._phase("pre-deploy", result, quiet=not self.hooks.exists("pre-deploy")):
                    self.hooks.before(intent)
            observations = transaction.run.observations
            try:
                self.host.records.begin_journal(intent)
                entry = transaction.execute()
            except Failure as failure:
                result.warnings += observations.warnings
                result.warnings += self.hooks.after(intent, failure)
                failure.hint = hint_after(self.host, intent, failure.hint)
                raise failure
            finally:
                result.changed = transaction.committed
                self.host.process.hold_signals(False)
                result.extra.update(observations_doc(observations))
            result.outcome, result.code, result.release = "live", Code.OK, entry.release
            result.warnings += observations.warnings
            result.message = f"{intent.target} is live on {intent.slot}"
            if intent.before.live:
                result.message += f", was {intent.before.live.ref}"
            result.warnings += self.hooks.after(intent)
            self._afterwards(result)
        return result

    def _plan(
        self, kind: str, resolve: Resolve, state: State, result: Result, checks: bool = True
    ) -> tuple[Intent, Transaction] | None:
        return plan_rollout(
            self.host, kind=kind, resolve=resolve, state=state, result=result, txn=self.new_txn, checks=checks
        )

    def _afterwards(self, result: Result) -> None:
        """Best effort, after success is recorded: prune, and report the rollback status. Never fails a deploy."""
        try:
            records = self.host.records.read()
            if not isinstance(records.state, State):
                return
            try:
                prune(self.host, recorded_releases(self.host), records.state, False, result)
            except Exception as error:
                result.warnings.append(f"prune: {as_failure(error).cause}")
            result.extra["rollback"] = rollback_info(self.host, records.state)
        except Exception as error:
            result.warnings.append(f"after the deploy: {as_failure(error).cause}")

    @contextmanager
    def _locked(self, result: Result) -> Iterator[None]:
        with ExitStack() as stack:
            with self._phase("lock", result):
                stack.enter_context(self.lock())
            yield

    @contextmanager
    def _phase(self, name: str, result: Result, quiet: bool = False) -> Iterator[None]:
        """`quiet`: nothing to do, so no event is emitted."""
        if quiet:
            yield
            return
        started = self.host.process.monotonic()
        self.host.events.emit({"phase": name, "event": "start"})
        try:
            yield
        except Exception as error:
            took = self.host.process.monotonic() - started
            result.phases.append((name, took))
            self.host.events.emit(
                {"phase": name, "event": "failed", "seconds": round(took, 3), "cause": as_failure(error).cause}
            )
            raise as_failure(error) from error
        took = self.host.process.monotonic() - started
        result.phases.append((name, took))
        self.host.events.emit({"phase": name, "event": "done", "seconds": round(took, 3)})
