"""The effects that wait for the host or judge what it serves: gates, canary steps, the bake, the drain."""

from __future__ import annotations

from ..model.errors import Failure
from ..model.inflight import Limits
from ..model.model import Canary, Split
from ..startup.fast_dataclass import dataclass
from .effects import NOTHING, Effect
from .gates import await_path, check_golden, check_identity, drain, raise_if_dead
from .phase_names import CANARY
from .ports import Host
from .run import Observation, Run


@dataclass(frozen=True)
class AwaitPath(Effect):
    """Poll a path of the slot until it answers 200. `what`: liveness or readiness."""

    slot: str
    release: int
    what: str
    path: str
    deadline_s: float
    must: bool = True
    """False: continue after the deadline, with a warning."""

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        limit_s = min(self.deadline_s, left_s)
        try:
            await_path(host, self.slot, self.path, self.what, limit_s, run.redact)
        except Failure as failure:
            if self.must:
                raise
            return Observation(warnings=(failure.cause,))
        return NOTHING


@dataclass(frozen=True)
class CheckIdentity(Effect):
    slot: str
    path: str
    version: str
    deadline_s: float

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        check_identity(host, self.slot, self.path, self.version, min(self.deadline_s, left_s), run.redact)
        return NOTHING


@dataclass(frozen=True)
class CheckGolden(Effect):
    """The golden requests of the release that runs in the slot."""

    slot: str
    release: int
    deadline_s: float

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        check_golden(
            host,
            slot=self.slot,
            goldens=run.release.gates.golden if run.release else (),
            secrets=run.settings.secrets,
            deadline_s=self.deadline_s,
            left_s=left_s,
            redact=run.redact,
        )
        return NOTHING


@dataclass(frozen=True)
class JudgeStep(Effect):
    """Compare candidate and live release for a step of the canary, and let the numbers decide."""

    split: Split
    canary: Canary
    last: bool = False
    held_by: str | None = None
    """Who had sent `hold` to an engine that was killed."""

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        if run.observations.promoted:
            return NOTHING
        # Local import: few rollouts have a canary (docs/startup.md).
        from .canary import judge_step

        percent, over, promoted = self.split.percent, True, False
        host.events.emit({"txn": run.txn, "phase": CANARY, "event": "watch", "percent": percent})
        try:
            promoted, note = judge_step(
                host,
                split=self.split,
                canary=self.canary,
                last=self.last,
                held_by=self.held_by,
                txn=run.txn,
                version=run.release.ref.version if run.release else "?",
                effect_name=self.name,
                redact=run.redact,
            )
            over = promoted or self.last
        finally:
            if over:
                host.canary_mailbox.publish_status(None)
        host.events.emit({"txn": run.txn, "phase": CANARY, "event": "step", "percent": percent, "numbers": note})
        return Observation(canary_note=note, promoted=promoted)


@dataclass(frozen=True)
class Bake(Effect):
    """Watch the slot that has just got the traffic, by HAProxy's counters and through the front door."""

    slot: str
    old: str
    version: str
    path: str | None
    """Where the service reports its version."""
    seconds: float
    max_error_ratio: float

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        # Local import: few rollouts have a bake (docs/startup.md).
        from .bake import bake

        warnings = bake(
            host,
            slot=self.slot,
            old=self.old,
            version=self.version,
            path=self.path,
            seconds=self.seconds,
            max_error_ratio=self.max_error_ratio,
            before=run.observations.counters_before,
            door=run.observations.front_door_before,
            redact=run.redact,
        )
        return Observation(warnings=tuple(warnings))


@dataclass(frozen=True)
class Confirm(Effect):
    """The slot that traffic has just moved to still runs and is ready."""

    slot: str
    path: str
    deadline_s: float

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        raise_if_dead(host, self.slot, "at the switch", 0, run.redact)
        limit_s = min(self.deadline_s, left_s)
        await_path(host, self.slot, self.path, "readiness after the switch", limit_s, run.redact)
        return NOTHING


@dataclass(frozen=True)
class Drain(Effect):
    """
    Wait until a slot has nothing in flight. `watch`: the slot that serves instead, whose death ends the wait at once.
    """

    slot: str
    limits: Limits
    watch: str | None = None
    stays: bool = False
    """The slot is not stopped yet: long requests continue, and the drain does not wait for them."""

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        left = drain(host, self.slot, self.limits, self.watch, run.redact)
        warnings: tuple[str, ...] = ()
        if left is None:
            warnings = (f"drain: requests in flight to {self.slot} are unknown: HAProxy does not answer",)
        elif left.total and self.stays:
            warnings = (f"drain: {left} still in flight to {self.slot}; they continue until the standby expires",)
        elif left.total:
            warnings = (f"drain: {left} still in flight to {self.slot} after the drain timeout ({self.limits})",)
        return Observation(warnings=warnings, drained={self.slot: left})
