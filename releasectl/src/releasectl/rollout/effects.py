"""
Everything a transaction does to the host, as values that know how to apply and to describe themselves. Each effect may
be repeated: applying it twice is applying it once, which is what lets recovery apply the same effects again after a
crash at any point. The effects that wait or judge are in watch_effects.py.
"""

from __future__ import annotations

from ..model.errors import Failure
from ..model.inflight import InFlight, dropped_of
from ..model.journal import Entry
from ..model.model import NO_SLOT, Live, Split, State
from ..startup.fast_dataclass import dataclass
from .gates import by_kind, in_flight, log_tail
from .network import FIREWALL
from .ports import Host
from .run import Observation, Run

NOTHING = Observation()


@dataclass(frozen=True)
class Effect:
    @property
    def name(self) -> str:
        return type(self).__name__

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        """`left_s`: what is left of the phase's deadline. Raises Failure."""
        raise NotImplementedError(self.name)

    def describe(self, live: Live | None) -> str:
        """What recovery did, for its report. `live`: the release that is live."""
        return self.name


@dataclass(frozen=True)
class PullImage(Effect):
    image: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.containers.pull(self.image, run.auth, left_s)
        return NOTHING


@dataclass(frozen=True)
class WriteRelease(Effect):
    """Record the candidate: release.json, app.env, secrets.env, all or nothing."""

    release: int

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        assert run.release is not None, "a fresh release is only written by the engine that was given it"
        host.records.write_release(run.release, run.settings)
        return NOTHING


@dataclass(frozen=True)
class RemoveRelease(Effect):
    release: int

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.remove_release(self.release)
        return NOTHING


@dataclass(frozen=True)
class LinkSlot(Effect):
    slot: str
    release: int

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.link(self.slot, self.release)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"linked slot {self.slot} to release {self.release}"


@dataclass(frozen=True)
class UnlinkSlot(Effect):
    slot: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.unlink(self.slot)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"unlinked slot {self.slot}"


@dataclass(frozen=True)
class StartUnit(Effect):
    slot: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        try:
            host.units.start(self.slot, left_s)
        except Failure as failure:
            lines = failure.logs or log_tail(host.containers.logs(self.slot))
            logs = tuple(run.redact(line) for line in lines)
            raise Failure(failure.code, run.redact(failure.cause), failure.hint, logs) from failure
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"started the live slot {self.slot} ({live.ref if live else '?'})"


@dataclass(frozen=True)
class StopUnit(Effect):
    """Stop a slot. `quick`: nothing it serves matters, do not wait for its graceful end."""

    slot: str
    quick: bool = False

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        """A slot that still serves requests is sampled before and after: the aborted ones were dropped."""
        before = by_kind(host, self.slot) if in_flight(host, self.slot) > 0 else None
        aborted = self._aborted_requests(host) if before else 0
        host.units.stop(self.slot, self.quick, left_s)
        if not before:
            return NOTHING
        dropped = dropped_of(before, max(0, self._aborted_requests(host) - aborted))
        warnings = (f"dropped: {dropped}, when {self.slot} was stopped",) if dropped.total else ()
        return Observation(warnings=warnings, dropped=dropped if dropped.total else InFlight())

    def _aborted_requests(self, host: Host) -> int:
        try:
            return host.routing.aborted_requests(self.slot)
        except Failure:
            return 0

    def describe(self, live: Live | None) -> str:
        return f"stopped slot {self.slot}"


@dataclass(frozen=True)
class RemoveContainer(Effect):
    slot: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.containers.remove(self.slot)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"removed the container of slot {self.slot}"


@dataclass(frozen=True)
class RestoreCpuShares(Effect):
    """Give the slot's container its full CPU shares; a candidate starts with reduced ones."""

    slot: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        """A slower release is no reason to fail."""
        try:
            host.containers.restore_cpu_shares(self.slot)
        except Failure as failure:
            return Observation(warnings=(failure.cause,))
        return NOTHING


@dataclass(frozen=True)
class WriteMap(Effect):
    """The routing truth on disk, read by HAProxy when it starts. `standby`: the slot that answers if that is down."""

    slot: str
    standby: str = NO_SLOT

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.write_map(self.slot, self.standby)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"live map rewritten: {self.slot}{_with_standby(self.standby)}"


@dataclass(frozen=True)
class SetMap(Effect):
    """The routing of the running HAProxy, verified by reading it back."""

    slot: str
    deadline_s: float
    standby: str = NO_SLOT

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.routing.set_map(self.slot, min(self.deadline_s, left_s), self.standby)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"HAProxy routes to {self.slot}{_with_standby(self.standby)}"


@dataclass(frozen=True)
class WriteSplit(Effect):
    """WriteMap of a canary: the traffic split, on disk."""

    split: Split

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        if not run.observations.promoted:
            host.records.write_split(self.split)
        return NOTHING


@dataclass(frozen=True)
class SetSplit(Effect):
    """SetMap of a canary."""

    split: Split
    deadline_s: float

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        if not run.observations.promoted:
            host.routing.set_split(self.split, min(self.deadline_s, left_s))
        return NOTHING


@dataclass(frozen=True)
class SaveState(Effect):
    state: State

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.save_state(self.state)
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return "standby ended"


@dataclass(frozen=True)
class AppendHistory(Effect):
    """Record the end of the transaction. The commit point: recovery never undoes what history records as live."""

    entry: Entry

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.records.append_history(self.entry)
        return NOTHING


@dataclass(frozen=True)
class RestartDocker(Effect):
    """Docker writes its packet filter rules anew. Containers and their connections survive."""

    cause: str

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.packet_filter.restart_docker()
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"restarted Docker: {self.cause}"


@dataclass(frozen=True)
class LoadFirewall(Effect):
    """The host's own table, inet slipway."""

    def apply(self, host: Host, run: Run, left_s: float) -> Observation:
        host.packet_filter.load_firewall()
        return NOTHING

    def describe(self, live: Live | None) -> str:
        return f"loaded the firewall: {FIREWALL}"


def _with_standby(standby: str) -> str:
    return f", {standby} stands by" if standby != NO_SLOT else ""
