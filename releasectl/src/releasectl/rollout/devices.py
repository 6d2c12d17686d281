"""
The protocols of a host's devices, for type checkers. Every method is one external call (or one file) with a timeout of
its own. An error is raised as `Failure`, which carries the exit code and the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ..model.counters import Counters
from ..model.inflight import Exchange
from ..model.journal import Entry, Intent, Mark
from ..model.model import NO_SLOT, Release, Settings, Split, State
from ..model.rollout_options import RegistryAuth
from ..startup.http_client import Reply
from .capacity import Memory
from .failover import Exit
from .network import Network
from .ports import CanaryCommand, History, ProbeRequest, RecordSnapshot, UnitStates, Unreadable


class Process(Protocol):
    """The engine's own process: its clocks, its signals, its session."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def pause(self, seconds: float) -> None:
        """Raises Interrupted early when a signal asks the engine to stop."""

    def hold_signals(self, hold: bool) -> None: ...
    def leave_session(self) -> None:
        """From here on the work survives the end of its caller's session."""


class Events(Protocol):
    def emit(self, event: Mapping[str, Any]) -> None: ...


class Records(Protocol):
    """The files of the service: state, journal, history, releases, slot links and the live map."""

    def read(self) -> RecordSnapshot: ...
    def history(self) -> History: ...
    def append_history(self, entry: Entry) -> None: ...
    def save_state(self, state: State) -> None: ...
    def begin_journal(self, intent: Intent) -> None: ...
    def append_journal(self, mark: Mark) -> None: ...
    def clear_journal(self) -> None: ...
    def set_aside_journal(self) -> str: ...
    def releases(self) -> Mapping[int, Release | Unreadable]: ...
    def settings(self, release: int) -> Settings: ...
    def write_release(self, release: Release, settings: Settings) -> None: ...
    def remove_release(self, release: int) -> None: ...
    def link(self, slot: str, release: int) -> None: ...
    def unlink(self, slot: str) -> None: ...
    def write_map(self, slot: str, standby: str = NO_SLOT) -> None: ...
    def write_split(self, split: Split) -> None: ...
    def sweep(self) -> None:
        """Remove the temporary files that a crash left behind."""


class Units(Protocol):
    """The slots' units of systemd, and how their containers exited."""

    def states(self) -> UnitStates: ...
    def request_states(self) -> Callable[[], UnitStates]:
        """Sends the query; the returned function waits for the answer. Other queries run meanwhile."""

    def start(self, slot: str, timeout_s: float) -> None: ...
    def stop(self, slot: str, quick: bool, timeout_s: float) -> None: ...
    def exited(self, slot: str, wait_s: float) -> str | None:
        """How the slot's container exited since this engine first checked it (or started it); None: it did not."""

    def last_exit(self, slot: str) -> tuple[str, float] | None:
        """How and when (epoch) the slot's container last exited by itself, since it was first started there."""

    def read_exits(self) -> tuple[Exit, ...]:
        """Of the live containers of both slots, the oldest first."""

    def shutting_down(self) -> bool: ...


class Machine(Protocol):
    def boot(self) -> str:
        """Names this boot of the host: another one after a reboot."""

    def memory(self) -> Memory: ...
    def gpu_memory(self) -> Memory:
        """Of the GPU with the least."""


class Containers(Protocol):
    """Docker: images of the host, and the service's containers by slot."""

    def free_mb(self) -> int: ...
    def has_image(self, image: str) -> bool: ...
    def images(self) -> frozenset[str]:
        """On this host, except those that another service has recorded: they are not ours to remove."""

    def pulled_at(self, image: str) -> float | None:
        """When an engine of this host last pulled it (seconds since the epoch); None: never, or unknown."""

    def image_sizes(self) -> Mapping[str, int]: ...
    def check_platforms(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        """Refuse an image of the registry that cannot run here: Failure (code 5). Unknown is not refused."""

    def pull(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None: ...
    def remove_image(self, image: str) -> None: ...
    def by_slot(self) -> Mapping[str, int]:
        """Slot → release of the containers that exist, running or not."""

    def remove(self, slot: str) -> None: ...
    def restore_cpu_shares(self, slot: str) -> None: ...
    def logs(self, slot: str) -> tuple[str, ...]: ...
    def address(self, slot: str) -> str | None:
        """Of the slot's container on Docker's network; None: it does not run, or has none."""


class PacketFilter(Protocol):
    def read(self, ports: Iterable[int]) -> Network:
        """`ports`: on loopback, of running containers. Never raises: unknown is not missing."""

    def restart_docker(self) -> None: ...
    def load_firewall(self) -> None: ...


class Routing(Protocol):
    """HAProxy's runtime sockets."""

    def get_map(self) -> str | None: ...
    def set_map(self, slot: str, timeout_s: float, standby: str = NO_SLOT) -> None: ...
    def get_split(self) -> Split | None: ...
    def set_split(self, split: Split, timeout_s: float) -> None: ...
    def in_flight(self, slot: str) -> int: ...
    def exchanges(self, slot: str) -> tuple[Exchange, ...]: ...
    def aborted_requests(self, slot: str) -> int:
        """How many requests to the slot have ever failed."""

    def is_down(self, slot: str) -> bool:
        """HAProxy considers the slot down."""

    def is_doubtful(self, slot: str) -> bool:
        """HAProxy considers the slot down, or may be about to."""

    def counters(self) -> Mapping[str, Counters]: ...


class Http(Protocol):
    """HTTP to a slot on loopback, and to the service as its clients reach it."""

    def probe(self, slot: str, request: ProbeRequest) -> Reply: ...
    def probe_container(self, slot: str, address: str, port: int, request: ProbeRequest) -> Reply:
        """The slot's container by its own address, past the port that Docker publishes."""

    def front_door(self, path: str, timeout_s: float) -> Reply: ...
    def ask_front_door(self, request: ProbeRequest) -> Reply: ...


class CanaryMailbox(Protocol):
    """The channel between a running canary and its operators."""

    def publish_status(self, status: Mapping[str, Any] | None) -> None: ...
    def read_status(self) -> dict[str, Any] | None: ...
    def take_command(self, txn: str) -> CanaryCommand | None: ...


class Hooks(Protocol):
    """The operator's executables."""

    def present(self) -> frozenset[str]: ...
    def run(self, name: str, document: Mapping[str, Any]) -> None: ...
