"""
The core's edge over a host in memory. It can raise a Failure at a chosen call, or crash there: before the effect,
midway (where a real one leaves something behind) or after it. A crash is a kill -9: nothing of the engine runs
afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from releasectl.commands.engine import Engine
from releasectl.documents import codec
from releasectl.model.errors import Code, Failure, Interrupted
from releasectl.model.journal import Entry, Intent, Journal, Mark
from releasectl.model.model import NO_SLOT, Release, Settings, State
from releasectl.model.rollout_options import RegistryAuth
from releasectl.rollout.capacity import Memory
from releasectl.rollout.failover import Exit
from releasectl.rollout.network import Network
from releasectl.rollout.ports import History, RecordSnapshot, UnitStates, Unreadable
from releasectl.startup.http_client import Reply

from .faults import Crash, CrashAt, FailAt
from .simulated_host import SLOTS, SimulatedHost, read_entry, read_journal, read_release, read_state
from .traffic import WHOLE, SimulatedTraffic

T = TypeVar("T")
# Other calls kill only what the traffic goes to.
ANY_SLOT = ("probe", "begin_journal")


class Simulation(SimulatedTraffic):
    def __init__(self, host: SimulatedHost, crash: CrashAt | None = None, fail: FailAt | None = None) -> None:
        super().__init__()
        self.host = host
        self.config = host.config
        self.crash = crash
        self.fail = fail
        self.calls: list[str] = []
        self.events: list[Mapping[str, Any]] = []
        self.dead = False
        self.held = False
        self.stop_at: int | None = None
        """A signal arrives at this call."""
        self.down: frozenset[str] = frozenset()
        """Calls that fail as long as they are named here."""

    def _call(self, name: str, act: Callable[[], T], midway: Callable[[], Any] | None = None) -> T:
        if self.dead:
            raise Crash
        host = self.host
        self.calls.append(name)
        number = len(self.calls)
        at = self.crash.when if self.crash and self.crash.call == number else None
        if at in ("before", "midway"):
            if at == "midway" and midway:
                midway()
            self._die()
        if name in self.down or (self.fail and self.fail.hits(number, name)):
            self._doom(name)
            raise Failure(self.fail.code if self.fail else Code.PREFLIGHT, f"simulated trouble of {name}")
        served = host.serves()
        result = act()
        self._watch(name, served)
        self._doom(name)
        if at == "after":
            self._die()
        return result

    def _die(self) -> None:
        self.dead = True
        raise Crash

    def _watch(self, name: str, served: bool) -> None:
        """The promise to the outside: no call of ours takes the answer away from somebody who had one."""
        host = self.host
        nobody_yet = host.runtime not in SLOTS and not any(it.outcome == "live" for it in host.entries())
        # In a maintenance a person took it away. An undo gives it back to a live release even if that one had died.
        meant = nobody_yet or host.in_maintenance() or host.runtime in host.died
        if served and not host.serves() and not meant:
            host.violations += (f"{name} took the traffic from a healthy slot",)
        if name == "set_map" and host.runtime in SLOTS and not host.serves():
            live = None if host.state is None else host.state_now().live
            if not live or live.slot != host.runtime:
                host.violations += (f"{name} moved the traffic to {host.runtime}, which is not ready",)

    def _doom(self, name: str) -> None:
        for slot, it in self.host.containers.items():
            if (
                it.running
                and self.host.registry[it.image].dies_at == name
                and (slot == self.host.runtime or name in ANY_SLOT)
            ):
                self.host.kill(slot)

    # Clock and signals.

    def now(self) -> float:
        return self.host.wall

    def monotonic(self) -> float:
        return self.host.mono

    def pause(self, seconds: float) -> None:
        self._call("pause", lambda: self.host.spend(seconds))
        if self.stop_at is not None and len(self.calls) >= self.stop_at and not self.held:
            raise Interrupted("SIGTERM")

    def leave_session(self) -> None:
        pass

    def hold_signals(self, hold: bool) -> None:
        self.held = hold

    def emit(self, event: Mapping[str, Any]) -> None:
        if self.dead:
            raise Crash
        self.events.append(event)

    # Records.

    def read_records(self) -> RecordSnapshot:
        host = self.host

        def read() -> RecordSnapshot:
            state: State | Unreadable | None = None
            try:
                state = None if host.state is None else read_state(host.state)
            except (ValueError, Failure) as error:
                state = Unreadable(str(error))
            journal = read_journal(host.journal) if host.journal is not None else None
            return RecordSnapshot(state, journal, dict(host.links), host.map_file, host.map_split[1], host.map_standby)

        return self._call("read_records", read)

    def read_history(self) -> History:
        return self._call("read_history", lambda: History(tuple(read_entry(line) for line in self.host.history)))

    def append_history(self, entry: Entry) -> None:
        self._set("append_history", history=(*self.host.history, json.dumps(codec.entry_doc(entry))))

    def save_state(self, state: State) -> None:
        self._set("save_state", state=json.dumps(codec.state_doc(state)))

    def begin_journal(self, intent: Intent) -> None:
        left = read_journal(self.host.journal) if self.host.journal else None
        ended = {read_entry(line).txn for line in self.host.history}
        assert not isinstance(left, Journal) or left.intent.txn in ended, "a transaction began over an unresolved one"
        self._set("begin_journal", journal=(json.dumps(codec.intent_doc(intent)),))

    def append_journal(self, mark: Mark) -> None:
        assert self.host.journal is not None
        self._set("append_journal", journal=(*self.host.journal, json.dumps(codec.mark_doc(mark))))

    def clear_journal(self) -> None:
        self._set("clear_journal", journal=None)

    def set_aside_journal(self) -> str:
        self._set("set_aside_journal", journal=None, aside=self.host.aside + 1)
        return "journal.unreadable"

    def read_releases(self) -> Mapping[int, Release | Unreadable]:
        host = self.host
        return self._call("read_releases", lambda: {n: read_release(text) for n, (text, _) in host.releases.items()})

    def read_settings(self, release: int) -> Settings:
        return self._call("read_settings", lambda: self.host.releases[release][1])

    def write_release(self, release: Release, settings: Settings) -> None:
        record = (json.dumps(codec.release_doc(release)), settings)
        self._call("write_release", lambda: self.host.releases.update({release.ref.id: record}), self._litter)

    def remove_release(self, release: int) -> None:
        def midway() -> None:
            if self.host.releases.pop(release, None):
                self._litter()

        self._call("remove_release", lambda: self.host.releases.pop(release, None), midway)

    def link_slot(self, slot: str, release: int) -> None:
        self._call("link_slot", lambda: self.host.links.update({slot: release}))

    def unlink_slot(self, slot: str) -> None:
        self._call("unlink_slot", lambda: self.host.links.pop(slot, None))

    def write_map(self, slot: str, standby: str = NO_SLOT) -> None:
        self._set("write_map", map_file=slot, map_split=WHOLE, map_standby=standby)

    def sweep(self) -> None:
        self._set("sweep", litter=frozenset())

    def _set(self, name: str, **values: Any) -> None:
        def act() -> None:
            for key, value in values.items():
                setattr(self.host, key, value)

        self._call(name, act, self._litter)

    def _litter(self) -> None:
        self.host.litter |= {f".{len(self.calls)}.tmp"}

    # systemd.

    def shutting_down(self) -> bool:
        return self._call("shutting_down", lambda: self.host.goes_down)

    def units(self) -> UnitStates:
        return self._call("units", lambda: UnitStates({slot: self.host.units.get(slot, "inactive") for slot in SLOTS}))

    def ask_units(self) -> Callable[[], UnitStates]:
        units = self.units()
        return lambda: units

    def start_unit(self, slot: str, timeout_s: float) -> None:
        assert timeout_s > 0
        self.host.spend(0.01)
        trouble = self._call("start_unit", lambda: self.host.run_slot(slot))
        if trouble:
            raise Failure(Code.GATE, trouble)

    def stop_unit(self, slot: str, quick: bool, timeout_s: float) -> None:
        assert timeout_s > 0
        self.host.spend(0.01)
        self._call("stop_unit", lambda: self.host.stop_slot(slot))

    def exited(self, slot: str, wait_s: float) -> str | None:
        self.host.spend(wait_s)
        it = self.host.containers.get(slot)
        ended = it is not None and not it.running
        return self._call("exited", lambda: "exited with code 137" if ended else None)

    def read_exits(self) -> tuple[Exit, ...]:
        return self._call("read_exits", lambda: self.host.exits)

    def memory(self) -> Memory:
        return self._call("memory", lambda: self.host.memory)

    def gpu_memory(self) -> Memory:
        return self._call("gpu_memory", lambda: self.host.gpu_memory)

    def last_exit(self, slot: str) -> tuple[str, float] | None:
        return self._call("last_exit", lambda: self.host.ends.get(slot))

    # Docker.

    def check_docker(self) -> int:
        return self._call("check_docker", lambda: self.host.free_mb)

    def has_image(self, image: str) -> bool:
        return self._call("has_image", lambda: image in self.host.images)

    def images(self) -> frozenset[str]:
        return self._call("images", lambda: self.host.images)

    def pull_image(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        if image not in self.host.registry:
            raise Failure(Code.IMAGE, f"Failed to pull {image}: the registry does not have this image")
        self.host.spend(self.host.pull_s)
        self._set(
            "pull_image", images=self.host.images | {image}, pulled_at={**self.host.pulled_at, image: self.host.wall}
        )

    def pulled_at(self, image: str) -> float | None:
        return self._call("pulled_at", lambda: self.host.pulled_at.get(image))

    def remove_image(self, image: str) -> None:
        used = [slot for slot, it in self.host.containers.items() if it.image == image]
        if used:
            raise Failure(Code.PREFLIGHT, f"image is used by the container of {used[0]}")
        self._set("remove_image", images=self.host.images - {image})

    def containers(self) -> Mapping[str, int]:
        try:
            return self._call("containers", lambda: {slot: it.release for slot, it in self.host.containers.items()})
        except Failure:
            return {}

    def remove_container(self, slot: str) -> None:
        self._call("remove_container", lambda: self.host.containers.pop(slot, None))

    def restore_cpu_shares(self, slot: str) -> None:
        self._call("restore_cpu_shares", lambda: None)

    def logs(self, slot: str) -> tuple[str, ...]:
        it = self.host.containers.get(slot)
        return self._call("logs", lambda: self.host.registry[it.image].says if it else ())

    # The packet filter.

    def network(self) -> Network:
        host = self.host
        docker = ("nat OUTPUT to DOCKER",) if "docker" in host.flushed else ()
        since = None if host.in_vain is None else host.mono - host.in_vain
        return self._call("network", lambda: Network(docker, "firewall" in host.flushed, since))

    def restart_docker(self) -> None:
        host = self.host
        host.spend(1)
        if host.restart_helps:
            self._set("restart_docker", flushed=host.flushed - {"docker"}, in_vain=None)
        else:
            self._set("restart_docker", in_vain=host.mono)
            raise Failure(Code.PREFLIGHT, "restarting Docker did not bring its rules back")

    def load_firewall(self) -> None:
        self._set("load_firewall", flushed=self.host.flushed - {"firewall"})

    # The HAProxy runtime socket.

    def get_map(self) -> str | None:
        return self._call("get_map", lambda: self.host.runtime)

    def set_map(self, slot: str, timeout_s: float, standby: str = NO_SLOT) -> None:
        assert timeout_s > 0
        self._set("set_map", runtime=slot, runtime_split=WHOLE, runtime_standby=standby)

    # HTTP to a slot.

    def probe(
        self,
        slot: str,
        method: str,
        path: str,
        body: Any,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        self.host.spend(0.002)
        app = self.host.app(slot)

        def answer() -> Reply:
            if app is None:
                return Reply(0, "connection refused")
            if path == "/version":
                return Reply(200, json.dumps({"version": app.version}))
            if path == "/predict" and app.key and (headers or {}).get("X-Api-Key") != app.key:
                return Reply(401, json.dumps({"error": "unauthorized", "given": dict(headers or {})}))
            if path == "/predict":
                return Reply(app.status, app.answer)
            good = app.live if path == "/health" else app.ready
            return Reply(200 if good else 503, app.health)

        return self._call("probe", answer)


def engine_of(edge: Simulation) -> Engine:
    host = edge.host

    @contextmanager
    def lock() -> Iterator[None]:
        if host.locked:
            raise Failure(Code.LOCKED, "another change is running: deploy by bob since then")
        host.locked = True
        try:
            yield
        finally:
            host.locked = False

    def new_txn() -> str:
        host.txns += 1
        return f"txn-{host.txns}"

    return Engine(edge, lock, new_txn)
