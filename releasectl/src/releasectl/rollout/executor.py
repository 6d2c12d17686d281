"""Effect → host: the one place where values become calls."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.counters import Counters, Span, between
from ..model.errors import Failure
from ..model.inflight import InFlight, dropped_of
from ..model.model import Release, Settings
from ..model.rollout_options import RegistryAuth
from ..startup.http_client import Reply
from . import effects as fx
from .bake import bake
from .canary import judge_step
from .gates import await_path, by_kind, check_golden, check_identity, drain, in_flight, log_tail, raise_if_dead
from .ports import Host
from .redact import redactor


class Performer:
    """Performs effects. Knows the release and its settings, to write them and to keep secrets out of messages."""

    def __init__(
        self,
        host: Host,
        release: Release | None = None,
        settings: Settings | None = None,
        auth: RegistryAuth | None = None,
        txn: str = "",
    ) -> None:
        self.host = host
        self.release = release
        self.settings = settings or Settings()
        self.auth = auth
        self.txn = txn
        self.warnings: list[str] = []
        self.notes: list[str] = []
        """What a canary's steps saw."""
        self.promoted = False
        """A person said so: the canary's further steps are skipped."""
        self.before: Mapping[str, Counters] | None = None
        self.door: Reply | None = None
        self.left: dict[str, InFlight | None] = {}
        """Slot → what was in flight when its drain ended; None: unknown."""
        self.dropped = InFlight()
        self.redact = redactor(self.settings.secrets.values())

    def perform(self, effect: fx.Effect, left_s: float) -> None:
        """Effect → host. Raises Failure."""
        host = self.host
        match effect:
            case fx.PullImage():
                host.pull_image(effect.image, self.auth, left_s)
            case fx.WriteRelease():
                assert self.release is not None, "a fresh release is only written by the engine that was given it"
                host.write_release(self.release, self.settings)
            case fx.RemoveRelease():
                host.remove_release(effect.release)
            case fx.LinkSlot():
                host.link_slot(effect.slot, effect.release)
            case fx.UnlinkSlot():
                host.unlink_slot(effect.slot)
            case fx.StartUnit():
                self._start(effect.slot, left_s)
            case fx.StopUnit():
                self._stop(effect, left_s)
            case fx.RemoveContainer():
                host.remove_container(effect.slot)
            case fx.AwaitPath():
                self._await(effect, left_s)
            case fx.CheckIdentity():
                check_identity(host, effect, left_s, self.redact)
            case fx.CheckGolden():
                goldens = self.release.gates.golden if self.release else ()
                check_golden(host, effect, goldens, self.settings.secrets, left_s, self.redact)
            case fx.RestoreCpuShares():
                self._restore_cpu_shares(effect.slot)
            case fx.WriteMap():
                host.write_map(effect.slot, effect.standby)
            case fx.SetMap():
                host.set_map(effect.slot, min(effect.deadline_s, left_s), effect.standby)
            case fx.WriteSplit():
                if not self.promoted:
                    host.write_split(effect.split)
            case fx.SetSplit():
                if not self.promoted:
                    host.set_split(effect.split, min(effect.deadline_s, left_s))
            case fx.JudgeStep():
                self._judge(effect)
            case fx.Bake():
                self.warnings += bake(host, effect, self.before, self.door, self.redact)
            case fx.Confirm():
                raise_if_dead(host, effect.slot, "at the switch", 0, self.redact)
                wait = fx.AwaitPath(effect.slot, 0, "readiness after the switch", effect.path, effect.deadline_s)
                await_path(host, wait, left_s, self.redact)
            case fx.Drain():
                self._drain(effect)
            case fx.SaveState():
                host.save_state(effect.state)
            case fx.AppendHistory():
                host.append_history(effect.entry)
            case fx.RestartDocker():
                host.restart_docker()
            case fx.LoadFirewall():
                host.load_firewall()
            case fx.ClearJournal():
                host.clear_journal()
            case _:
                raise AssertionError(f"no call for {effect.name}")

    def _start(self, slot: str, left_s: float) -> None:
        try:
            self.host.start_unit(slot, left_s)
        except Failure as trouble:
            logs = tuple(self.redact(line) for line in trouble.logs or log_tail(self.host.logs(slot)))
            raise Failure(trouble.code, self.redact(trouble.cause), trouble.hint, logs) from trouble

    def _restore_cpu_shares(self, slot: str) -> None:
        """A slower release is no reason to give it up."""
        try:
            self.host.restore_cpu_shares(slot)
        except Failure as trouble:
            self.warnings.append(trouble.cause)

    def snapshot(self, path: str | None) -> None:
        """How it was right before the switch. `path`: also through the front door. Never fails."""
        self.before = self._counters()
        if path is not None:
            self.door = self.host.front_door(path, 2.0)

    def switched(self) -> dict[str, Span]:
        """What happened to each slot since the snapshot."""
        now = self._counters()
        if not now or not self.before:
            return {}
        return {slot: between(self.before[slot], now[slot]) for slot in now if slot in self.before}

    def _counters(self) -> Mapping[str, Counters] | None:
        try:
            return self.host.counters()
        except Failure:
            return None

    def _judge(self, effect: fx.JudgeStep) -> None:
        if self.promoted:
            return
        version = self.release.ref.version if self.release else "?"
        over = True
        self.host.emit({"txn": self.txn, "phase": "canary", "event": "watch", "percent": effect.split.percent})
        try:
            self.promoted, note = judge_step(self.host, effect, self.txn, version, self.redact)
            over = self.promoted or effect.last
        finally:
            if over:
                self.host.publish_canary_status(None)
        self.notes.append(note)
        self.host.emit({"txn": self.txn, "phase": "canary", "event": "step", "percent": effect.split.percent,
                        "numbers": note})  # fmt: skip

    def _await(self, effect: fx.AwaitPath, left_s: float) -> None:
        try:
            await_path(self.host, effect, left_s, self.redact)
        except Failure as trouble:
            if effect.must:
                raise
            self.warnings.append(trouble.cause)

    def _stop(self, effect: fx.StopUnit, left_s: float) -> None:
        """A slot that still serves somebody is sampled before and after: aborted requests were dropped."""
        host, slot = self.host, effect.slot
        before = by_kind(host, slot) if in_flight(host, slot) > 0 else None
        aborted = self._aborted_requests(slot) if before else 0
        host.stop_unit(slot, effect.quick, left_s)
        dropped = dropped_of(before, max(0, self._aborted_requests(slot) - aborted)) if before else InFlight()
        if dropped.total:
            self.dropped += dropped
            self.warnings.append(f"dropped: {dropped}, when {slot} was stopped")

    def _aborted_requests(self, slot: str) -> int:
        try:
            return self.host.aborted_requests(slot)
        except Failure:
            return 0

    def _drain(self, effect: fx.Drain) -> None:
        left = drain(self.host, effect, self.redact)
        self.left[effect.slot] = left
        if left is None:
            self.warnings.append(f"drain: what is in flight to {effect.slot} is not known: HAProxy does not answer")
        elif left.total and effect.stays:
            self.warnings.append(f"drain: {left} still with {effect.slot}, going on there until its standby ends")
        elif left.total:
            self.warnings.append(f"drain: {left} still in flight to {effect.slot} after their time ({effect.limits})")
