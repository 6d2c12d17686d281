"""Effect → edge: the one place where values become calls."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.counters import Counters, Span, between
from ..model.errors import Failure
from ..model.inflight import InFlight, cut_of
from ..model.model import Release, Settings
from ..model.rollout_options import RegistryAuth
from ..startup.http_client import Reply
from . import effects as fx
from .bake import bake
from .canary import judge_step
from .gates import await_path, by_kind, check_golden, check_identity, drain, in_flight, last_words, raise_if_dead
from .ports import Edge
from .redact import redactor


class Performer:
    """Performs effects. Knows the release and its settings, to write them and to keep secrets out of messages."""

    def __init__(
        self,
        edge: Edge,
        release: Release | None = None,
        settings: Settings | None = None,
        auth: RegistryAuth | None = None,
        txn: str = "",
    ) -> None:
        self.edge = edge
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
        self.cut = InFlight()
        self.redact = redactor(self.settings.secrets.values())

    def perform(self, effect: fx.Effect, left_s: float) -> None:
        """Effect → edge. Raises Failure."""
        edge = self.edge
        match effect:
            case fx.PullImage():
                edge.pull_image(effect.image, self.auth, left_s)
            case fx.WriteRelease():
                assert self.release is not None, "a fresh release is only written by the engine that was given it"
                edge.write_release(self.release, self.settings)
            case fx.RemoveRelease():
                edge.remove_release(effect.release)
            case fx.LinkSlot():
                edge.link_slot(effect.slot, effect.release)
            case fx.UnlinkSlot():
                edge.unlink_slot(effect.slot)
            case fx.StartUnit():
                self._start(effect.slot, left_s)
            case fx.StopUnit():
                self._stop(effect, left_s)
            case fx.RemoveContainer():
                edge.remove_container(effect.slot)
            case fx.AwaitPath():
                self._await(effect, left_s)
            case fx.CheckIdentity():
                check_identity(edge, effect, left_s, self.redact)
            case fx.CheckGolden():
                goldens = self.release.gates.golden if self.release else ()
                check_golden(edge, effect, goldens, self.settings.secrets, left_s, self.redact)
            case fx.Favour():
                self._favour(effect.slot)
            case fx.WriteMap():
                edge.write_map(effect.slot, effect.standby)
            case fx.SetMap():
                edge.set_map(effect.slot, min(effect.deadline_s, left_s), effect.standby)
            case fx.WriteSplit():
                if not self.promoted:
                    edge.write_split(effect.split)
            case fx.SetSplit():
                if not self.promoted:
                    edge.set_split(effect.split, min(effect.deadline_s, left_s))
            case fx.JudgeStep():
                self._judge(effect)
            case fx.Bake():
                self.warnings += bake(edge, effect, self.before, self.door, self.redact)
            case fx.Confirm():
                raise_if_dead(edge, effect.slot, "at the switch", 0, self.redact)
                wait = fx.AwaitPath(effect.slot, 0, "readiness after the switch", effect.path, effect.deadline_s)
                await_path(edge, wait, left_s, self.redact)
            case fx.Drain():
                self._drain(effect)
            case fx.SaveState():
                edge.save_state(effect.state)
            case fx.AppendHistory():
                edge.append_history(effect.entry)
            case fx.RestartDocker():
                edge.restart_docker()
            case fx.LoadFirewall():
                edge.load_firewall()
            case fx.ClearJournal():
                edge.clear_journal()
            case _:
                raise AssertionError(f"no edge for {effect.name}")

    def _start(self, slot: str, left_s: float) -> None:
        try:
            self.edge.start_unit(slot, left_s)
        except Failure as trouble:
            logs = tuple(self.redact(line) for line in trouble.logs or last_words(self.edge.logs(slot)))
            raise Failure(trouble.code, self.redact(trouble.cause), trouble.hint, logs) from trouble

    def _favour(self, slot: str) -> None:
        """A slower release is no reason to give it up."""
        try:
            self.edge.favour(slot)
        except Failure as trouble:
            self.warnings.append(trouble.cause)

    def snapshot(self, path: str | None) -> None:
        """How it was right before the switch. `path`: also through the front door. Never fails."""
        self.before = self._counters()
        if path is not None:
            self.door = self.edge.front_door(path, 2.0)

    def switched(self) -> dict[str, Span]:
        """What happened to each slot since the snapshot."""
        now = self._counters()
        if not now or not self.before:
            return {}
        return {slot: between(self.before[slot], now[slot]) for slot in now if slot in self.before}

    def _counters(self) -> Mapping[str, Counters] | None:
        try:
            return self.edge.counters()
        except Failure:
            return None

    def _judge(self, effect: fx.JudgeStep) -> None:
        if self.promoted:
            return
        version = self.release.ref.version if self.release else "?"
        over = True
        self.edge.emit({"txn": self.txn, "phase": "canary", "event": "watch", "percent": effect.split.percent})
        try:
            self.promoted, note = judge_step(self.edge, effect, self.txn, version, self.redact)
            over = self.promoted or effect.last
        finally:
            if over:
                self.edge.show_canary(None)
        self.notes.append(note)
        self.edge.emit({"txn": self.txn, "phase": "canary", "event": "step", "percent": effect.split.percent,
                        "numbers": note})  # fmt: skip

    def _await(self, effect: fx.AwaitPath, left_s: float) -> None:
        try:
            await_path(self.edge, effect, left_s, self.redact)
        except Failure as trouble:
            if effect.must:
                raise
            self.warnings.append(trouble.cause)

    def _stop(self, effect: fx.StopUnit, left_s: float) -> None:
        """A slot that still serves somebody is looked at before and after: what broke off was cut."""
        edge, slot = self.edge, effect.slot
        before = by_kind(edge, slot) if in_flight(edge, slot) > 0 else None
        broken = self._broken(slot) if before else 0
        edge.stop_unit(slot, effect.quick, left_s)
        cut = cut_of(before, max(0, self._broken(slot) - broken)) if before else InFlight()
        if cut.total:
            self.cut += cut
            self.warnings.append(f"cut: {cut}, when {slot} was stopped")

    def _broken(self, slot: str) -> int:
        try:
            return self.edge.broken(slot)
        except Failure:
            return 0

    def _drain(self, effect: fx.Drain) -> None:
        left = drain(self.edge, effect, self.redact)
        self.left[effect.slot] = left
        if left is None:
            self.warnings.append(f"drain: what is in flight to {effect.slot} is not known: the edge does not answer")
        elif left.total and effect.stays:
            self.warnings.append(f"drain: {left} still with {effect.slot}, going on there until its standby ends")
        elif left.total:
            self.warnings.append(f"drain: {left} still in flight to {effect.slot} after their time ({effect.limits})")
