"""The ports of a simulated host, but for its records and HAProxy. Each call goes through the simulation's counter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from releasectl.model.errors import Code, Failure, Interrupted
from releasectl.model.rollout_options import RegistryAuth
from releasectl.rollout.capacity import Memory
from releasectl.rollout.failover import Exit
from releasectl.rollout.network import Network
from releasectl.rollout.ports import CanaryCommand, ProbeRequest, UnitStates
from releasectl.startup.http_client import Reply

from .faults import Crash
from .simulated_host import SLOTS

if TYPE_CHECKING:
    from .simulation import Simulation


class Port:
    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.world = simulation.world


class SimulatedProcess(Port):
    def now(self) -> float:
        return self.world.wall

    def monotonic(self) -> float:
        return self.world.mono

    def pause(self, seconds: float) -> None:
        self.simulation.call("pause", lambda: self.world.spend(seconds))
        stop_at = self.simulation.stop_at
        if stop_at is not None and len(self.simulation.calls) >= stop_at and not self.simulation.held:
            raise Interrupted("SIGTERM")

    def leave_session(self) -> None:
        pass

    def hold_signals(self, hold: bool) -> None:
        self.simulation.held = hold


class SimulatedEvents(Port):
    def emit(self, event: Mapping[str, Any]) -> None:
        if self.simulation.dead:
            raise Crash
        self.simulation.events.append(event)


class SimulatedUnits(Port):
    def states(self) -> UnitStates:
        units = self.world.units
        return self.simulation.call("units", lambda: UnitStates({slot: units.get(slot, "inactive") for slot in SLOTS}))

    def request_states(self) -> Callable[[], UnitStates]:
        states = self.states()
        return lambda: states

    def start(self, slot: str, timeout_s: float) -> None:
        assert timeout_s > 0
        self.world.spend(0.01)
        trouble = self.simulation.call("start_unit", lambda: self.world.run_slot(slot))
        if trouble:
            raise Failure(Code.GATE, trouble)

    def stop(self, slot: str, quick: bool, timeout_s: float) -> None:
        assert timeout_s > 0
        self.world.spend(0.01)
        self.simulation.call("stop_unit", lambda: self.world.stop_slot(slot))

    def exited(self, slot: str, wait_s: float) -> str | None:
        self.world.spend(wait_s)
        it = self.world.containers.get(slot)
        ended = it is not None and not it.running
        return self.simulation.call("exited", lambda: "exited with code 137" if ended else None)

    def last_exit(self, slot: str) -> tuple[str, float] | None:
        return self.simulation.call("last_exit", lambda: self.world.ends.get(slot))

    def read_exits(self) -> tuple[Exit, ...]:
        return self.simulation.call("read_exits", lambda: self.world.exits)

    def shutting_down(self) -> bool:
        return self.simulation.call("shutting_down", lambda: self.world.goes_down)


class SimulatedMachine(Port):
    def boot(self) -> str:
        return self.simulation.call("boot", lambda: f"boot-{self.world.boots}")

    def memory(self) -> Memory:
        return self.simulation.call("memory", lambda: self.world.memory)

    def gpu_memory(self) -> Memory:
        return self.simulation.call("gpu_memory", lambda: self.world.gpu_memory)


class SimulatedContainers(Port):
    def free_mb(self) -> int:
        return self.simulation.call("check_docker", lambda: self.world.free_mb)

    def has_image(self, image: str) -> bool:
        return self.simulation.call("has_image", lambda: image in self.world.images)

    def images(self) -> frozenset[str]:
        return self.simulation.call("images", lambda: self.world.images)

    def pulled_at(self, image: str) -> float | None:
        return self.simulation.call("pulled_at", lambda: self.world.pulled_at.get(image))

    def image_sizes(self) -> Mapping[str, int]:
        return self.simulation.call("image_sizes", lambda: dict.fromkeys(self.world.images, 100 * 2**20))

    def check_platforms(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        assert timeout_s > 0
        app = self.world.registry.get(image)
        if self.simulation.call("check_platforms", lambda: app is not None and app.foreign):
            raise Failure(Code.IMAGE, f"Failed to pull {image}: the image was built for another platform")

    def pull(self, image: str, auth: RegistryAuth | None, timeout_s: float) -> None:
        if image not in self.world.registry:
            raise Failure(Code.IMAGE, f"Failed to pull {image}: the registry does not have this image")
        self.world.spend(self.world.pull_s)
        self.simulation.set(
            "pull_image", images=self.world.images | {image}, pulled_at={**self.world.pulled_at, image: self.world.wall}
        )

    def remove_image(self, image: str) -> None:
        used = [slot for slot, it in self.world.containers.items() if it.image == image]
        if used:
            raise Failure(Code.PREFLIGHT, f"image is used by the container of {used[0]}")
        self.simulation.set("remove_image", images=self.world.images - {image})

    def by_slot(self) -> Mapping[str, int]:
        containers = self.world.containers
        return self.simulation.call("containers", lambda: {slot: it.release for slot, it in containers.items()})

    def remove(self, slot: str) -> None:
        self.simulation.call("remove_container", lambda: self.world.containers.pop(slot, None))

    def restore_cpu_shares(self, slot: str) -> None:
        self.simulation.call("restore_cpu_shares", lambda: None)

    def address(self, slot: str) -> str | None:
        cut_off = slot in self.world.cut_off
        return self.simulation.call("address", lambda: "172.17.0.2" if cut_off else None)

    def logs(self, slot: str) -> tuple[str, ...]:
        it = self.world.containers.get(slot)
        return self.simulation.call("logs", lambda: self.world.registry[it.image].says if it else ())


class SimulatedPacketFilter(Port):
    def read(self, ports: Iterable[int]) -> Network:
        host = self.world
        docker = ("nat OUTPUT to DOCKER",) if "docker" in host.flushed else ()
        since = None if host.in_vain is None else host.mono - host.in_vain
        return self.simulation.call("network", lambda: Network(docker, "firewall" in host.flushed, since))

    def restart_docker(self) -> None:
        host = self.world
        host.spend(1)
        if host.restart_helps:
            self.simulation.set("restart_docker", flushed=host.flushed - {"docker"}, in_vain=None)
        else:
            self.simulation.set("restart_docker", in_vain=host.mono)
            raise Failure(Code.PREFLIGHT, "restarting Docker did not bring its rules back")

    def load_firewall(self) -> None:
        self.simulation.set("load_firewall", flushed=self.world.flushed - {"firewall"})


class SimulatedHttp(Port):
    def probe(self, slot: str, request: ProbeRequest) -> Reply:
        self.world.spend(0.002)
        app, path = self.world.app(slot), request.path

        def answer() -> Reply:
            if app is None:
                return Reply(0, "connection refused")
            if path == "/version":
                return Reply(200, json.dumps({"version": app.version}))
            if path == "/predict" and app.key and request.headers.get("X-Api-Key") != app.key:
                return Reply(401, json.dumps({"error": "unauthorized", "given": dict(request.headers)}))
            if path == "/predict":
                return Reply(app.status, app.answer)
            good = app.live if path == "/health" else app.ready
            return Reply(200 if good else 503, app.health)

        return self.simulation.call("probe", answer)

    def probe_container(self, slot: str, address: str, port: int, request: ProbeRequest) -> Reply:
        return self.simulation.call("probe_container", lambda: Reply(200, "ok"))

    def front_door(self, path: str, timeout_s: float) -> Reply:
        return self.ask_front_door(ProbeRequest(path, timeout_s))

    def ask_front_door(self, request: ProbeRequest) -> Reply:
        self.world.spend(0.005)
        app = self.world.answering()
        if app and request.path == "/predict":
            answer = Reply(app.status, app.answer)
        else:
            answer = Reply(200, f'{{"version": "{app.version}"}}') if app else Reply(503, "maintenance")
        return self.simulation.call("front_door", lambda: self.simulation.door or answer)


class SimulatedCanaryMailbox(Port):
    def publish_status(self, doc: Mapping[str, Any] | None) -> None:
        self.simulation.statuses.append(doc)

    def read_status(self) -> dict[str, Any] | None:
        return None

    def take_command(self, txn: str) -> CanaryCommand | None:
        self.simulation.command_checks += 1
        return self.simulation.commands.pop(self.simulation.command_checks, None)


class SimulatedHooks(Port):
    def present(self) -> frozenset[str]:
        return self.world.hooks

    def run(self, name: str, document: Mapping[str, Any]) -> None:
        self.simulation.hooked.append(document)
        self.simulation.call("run_hook", lambda: None)
        if name in self.world.bad_hooks:
            raise Failure(Code.PREFLIGHT, f"{name} exited with code 1: no")
