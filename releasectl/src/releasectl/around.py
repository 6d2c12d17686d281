"""Puts together what the status looks at beside the devices, and what the repairs need."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from .commands.around import Around
from .edge.served import config_error, read_certificates, request_config_error
from .host import command, wanted
from .host import surroundings as seen
from .host.converged import changed_files
from .host.paths import Paths
from .host.replaced import reboot_cause, replaced_files
from .model.errors import Code, Failure
from .model.model import Config
from .rollout.model_store import ModelStore
from .rollout.surroundings import CERTBOT, Certificates, Surroundings, Unit, watched_units

T = TypeVar("T")
CHECK_S = 5.0
REPAIR_S = 30.0


class HostAround(Around):
    def __init__(self, paths: Paths, config: Config) -> None:
        self.paths = paths
        self.config = config

    def read(self, image: str | None, store: ModelStore | None) -> Surroundings:
        """All queries at once: none of them waits for another."""
        checked = request_config_error(self.paths)
        slots = (self.config.unit(slot) for slot in self.config.slots)
        units = seen.request_units((*watched_units(self.config.service), *slots))
        registry = seen.begin(lambda: seen.registry_error(image) if image else None)
        models = seen.begin(
            lambda: seen.reach_error("the model store", store.name, store.port, store.address) if store else None
        )
        certificates = read_certificates(self.paths)
        try:
            edge_error = config_error(checked.finish(CHECK_S)) if checked else ""
        except Failure as failure:
            edge_error = failure.cause
        found = units()
        if certificates is None:
            found.pop(CERTBOT, None)
        synchronized = seen.clock_synchronized(self.paths)
        return Surroundings(
            units=found,
            certificates=certificates,
            edge_error=edge_error,
            registry_error=registry(),
            store_error=models(),
            clock_synchronized=synchronized,
            changed=changed_files(self.paths),
            backup=seen.read_backup(self.paths),
            records_room=seen.read_room(self.paths.homes),
            replaced=replaced_files(self.paths, found),
            reboot=reboot_cause(self.paths, os.uname().release),
            wanted=wanted.read(self.paths, self.config.service),
        )

    def units(self, names: Sequence[str]) -> Mapping[str, Unit]:
        return seen.request_units(names)()

    def certificates(self) -> Certificates | None:
        return read_certificates(self.paths)

    def run(self, argv: Sequence[str]) -> None:
        done = command.run(tuple(argv), REPAIR_S)
        if done.code:
            raise Failure(Code.PREFLIGHT, f"{' '.join(argv)}: {done.message}")

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        return seen.begin(work)
