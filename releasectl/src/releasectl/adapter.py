"""The real edge: the core's protocol on a host. Each method is one call of the neighbouring modules."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from .edge.routing import Haproxy
from .host import exit_records as exits
from .host import files, hooks, systemd
from .host.canary_mailbox import CanaryMailbox
from .host.docker import Docker
from .host.events import Events
from .host.headers import RequestHeaders
from .host.netfilter import Netfilter
from .host.paths import Paths
from .host.scope import end_empty, leave_session
from .host.store import Store
from .model.counters import Counters
from .model.errors import Failure, Interrupted
from .model.inflight import Exchange
from .model.journal import Entry, Intent, Mark
from .model.model import NO_SLOT, Config, Release, Settings, Split, State
from .model.rollout_options import RegistryAuth
from .rollout.capacity import Memory
from .rollout.failover import Exit
from .rollout.network import Network
from .rollout.ports import CanaryCommand, History, RecordSnapshot, UnitStates, Unreadable
from .startup.http_client import Reply, ask_front_door, ask_port, overlaid


class Host:
    """Implements rollout.ports.Host."""

    def __init__(self, paths: Paths, config: Config) -> None:
        self.config = config
        self.paths = paths
        self.store = Store(paths, config)
        self.docker = Docker(paths.docker_socket, paths.run)
        self.netfilter = Netfilter(paths)
        self.haproxy = Haproxy(paths.at(config.haproxy_socket), paths.at(config.haproxy_master), config)
        self.canary = CanaryMailbox(paths.run, config.service)
        self.events = Events(paths.events, config.service)
        self.headers = RequestHeaders(config, self.store)
        self._stop = threading.Event()
        self._signal = ""
        self._held = False
        self._exit_records: dict[str, str | None] = {}

    def prepare(self) -> None:
        """What a changing command needs before anything else."""
        os.makedirs(self.paths.run, mode=0o700, exist_ok=True)
        self.docker.forget_logins()
        end_empty(self.config.service)
        self.canary.clear()
        self.store.prepare()

    # Clock and signals.

    def listen(self) -> None:
        """SIGINT and SIGTERM stop the engine between two effects; a vanished terminal (SIGHUP) does not."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number).name
        self._stop.set()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        if self._held:
            time.sleep(seconds)
        elif self._stop.wait(seconds):
            raise Interrupted(self._signal)

    def hold_signals(self, hold: bool) -> None:
        self._held = hold

    def _pulse(self) -> None:
        self.pause(0)

    def emit(self, event: Mapping[str, Any]) -> None:
        self.events.emit(event)

    def leave_session(self) -> None:
        leave_session(self.config.service)

    # RecordSnapshot.

    def read_records(self) -> RecordSnapshot:
        return self.store.records()

    def read_history(self) -> History:
        return self.store.history()

    def append_history(self, entry: Entry) -> None:
        self.store.append_history(entry)

    def save_state(self, state: State) -> None:
        self.store.save_state(state)

    def begin_journal(self, intent: Intent) -> None:
        self.store.begin_journal(intent)

    def append_journal(self, mark: Mark) -> None:
        self.store.append_journal(mark)

    def clear_journal(self) -> None:
        self.store.clear_journal()

    def set_aside_journal(self) -> str:
        return self.store.set_aside_journal()

    def read_releases(self) -> Mapping[int, Release | Unreadable]:
        return self.store.releases()

    def read_settings(self, release: int) -> Settings:
        return self.store.settings(release)

    def write_release(self, release: Release, settings: Settings) -> None:
        self.store.write_release(release, settings)

    def remove_release(self, release: int) -> None:
        self.store.remove_release(release)

    def link_slot(self, slot: str, release: int) -> None:
        self.store.link(slot, release)

    def unlink_slot(self, slot: str) -> None:
        self.store.unlink(slot)

    def write_map(self, slot: str, standby: str = NO_SLOT) -> None:
        self.store.write_map(slot, standby)

    def write_split(self, split: Split) -> None:
        self.store.write_split(split)

    def sweep(self) -> None:
        self.store.sweep()

    # systemd.

    def shutting_down(self) -> bool:
        return systemd.shutting_down()

    def units(self) -> UnitStates:
        return self.ask_units()()

    def ask_units(self) -> Callable[[], UnitStates]:
        return systemd.ask_units(self.config)

    def start_unit(self, slot: str, timeout_s: float) -> None:
        files.remove_file(self.paths.exit_record(self.config.service, slot))
        self._exit_records[slot] = None
        systemd.start_unit(self.config.unit(slot), timeout_s, self._pulse)

    def stop_unit(self, slot: str, quick: bool, timeout_s: float) -> None:
        unit = self.config.unit(slot)
        if quick:
            # systemd is told first: it must not restart what is about to die.
            systemd.stop_unit(unit, 10, wait=False)
            systemd.kill_container(unit)
        systemd.stop_unit(unit, timeout_s)

    def exited(self, slot: str, wait_s: float) -> str | None:
        """How the slot's container ended since this engine first looked at it (or started it); None: it did not."""
        path = self.paths.exit_record(self.config.service, slot)
        if slot not in self._exit_records:
            self._exit_records[slot] = files.read_text(path)
        end = self.monotonic() + wait_s
        while True:
            record = files.read_text(path)
            if record is not None and record != self._exit_records[slot]:
                return record.partition("\n")[0]
            left = end - self.monotonic()
            if left <= 0:
                return None
            self.pause(min(0.01, left))

    def memory(self) -> Memory:
        with open("/proc/meminfo", encoding="ascii") as file:
            rows = dict(line.split(":") for line in file)
        total, available = (int(rows[name].split()[0]) // 1024 for name in ("MemTotal", "MemAvailable"))
        return Memory(total, available)

    def gpu_memory(self) -> Memory:
        # Here: hardly any release has one.
        from .host import gpu

        return gpu.memory()

    def last_exit(self, slot: str) -> tuple[str, float] | None:
        how, _, at = (files.read_text(self.paths.exit_record(self.config.service, slot)) or "").partition("\n")
        try:
            return (how, float(at)) if how else None
        except ValueError:
            return None

    def read_exits(self) -> tuple[Exit, ...]:
        found = [it for slot in self.config.slots for it in exits.read(self.paths, self.config.service, slot)]
        return tuple(sorted(found, key=lambda it: it.at))

    # Docker.

    def check_docker(self) -> int:
        return self.docker.free_mb()

    def has_image(self, image: str) -> bool:
        return self.docker.has_image(image)

    def images(self) -> frozenset[str]:
        """Those of ours. What another service of this host has recorded may be the same, and is not ours to remove."""
        others = self.store.images_of_others()
        return frozenset() if others is None else self.docker.images() - others

    def pulled_at(self, image: str) -> float | None:
        return self.docker.pulled_at(image)

    def image_sizes(self) -> Mapping[str, int]:
        return self.docker.image_sizes()

    def pull_image(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        self.docker.pull(image, auth, timeout_s, self._pulse)

    def remove_image(self, image: str) -> None:
        self.docker.remove_image(image)

    def containers(self) -> Mapping[str, int]:
        try:
            return self.docker.containers(self.config.service)
        except Failure:
            # Only used to clean up; with Docker down there is nothing to clean now.
            return {}

    def remove_container(self, slot: str) -> None:
        self.docker.remove(self.config.container(slot))

    def restore_cpu_shares(self, slot: str) -> None:
        self.docker.restore_cpu_shares(self.config.container(slot))

    def logs(self, slot: str) -> tuple[str, ...]:
        return self.docker.logs(self.config.container(slot))

    # The packet filter.

    def network(self) -> Network:
        units = self.units()
        ports = (port for slot, port in self.config.slots.items() if units.active.get(slot) == "active")
        return self.netfilter.read(ports)

    def restart_docker(self) -> None:
        self.netfilter.restart_docker()

    def load_firewall(self) -> None:
        self.netfilter.load_firewall()

    # The HAProxy runtime socket.

    def get_map(self) -> str | None:
        return self.haproxy.get_map()

    def set_map(self, slot: str, timeout_s: float, standby: str = NO_SLOT) -> None:
        self.haproxy.set_map(slot, timeout_s, standby)

    def in_flight(self, slot: str) -> int:
        return self.haproxy.in_flight(slot)

    def exchanges(self, slot: str) -> tuple[Exchange, ...]:
        return self.haproxy.exchanges(slot)

    def aborted_requests(self, slot: str) -> int:
        return self.haproxy.aborted_requests(slot)

    def is_down(self, slot: str) -> bool:
        return self.haproxy.is_down(slot)

    def get_split(self) -> Split | None:
        return self.haproxy.get_split()

    def set_split(self, split: Split, timeout_s: float) -> None:
        self.haproxy.set_split(split, timeout_s)

    def counters(self) -> Mapping[str, Counters]:
        return self.haproxy.counters()

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
        try:
            common = self.headers.to_slot(slot)
        except Failure as failure:
            return Reply(0, failure.cause)
        return ask_port(self.config.slots[slot], method, path, body, timeout_s, overlaid(common, headers or {}))

    def front_door(self, path: str, timeout_s: float) -> Reply:
        door = self.config.front_door
        if door is None:
            return Reply(0, "no front door is configured")
        try:
            headers = self.headers.to_front_door()
        except Failure as failure:
            return Reply(0, failure.cause)
        return ask_front_door(door.host, door.ca, path, timeout_s, headers)

    # People and programs beside the engine.

    def publish_canary_status(self, doc: Mapping[str, Any] | None) -> None:
        self.canary.publish_status(doc)

    def read_canary(self) -> dict[str, Any] | None:
        return self.canary.read_status()

    def take_canary_command(self, txn: str) -> CanaryCommand | None:
        return self.canary.take_command(txn)

    def hooks(self) -> frozenset[str]:
        return hooks.present(self.paths.hooks(self.config.service))

    def run_hook(self, name: str, document: Mapping[str, Any]) -> None:
        path = os.path.join(self.paths.hooks(self.config.service), name)
        hooks.run_hook(path, document, self.config.hook_timeout_s)
