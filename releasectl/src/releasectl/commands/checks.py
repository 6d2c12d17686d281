"""What the status has checked beside the release, as yes or no: for programs, such as the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..documents.timestamps import rfc3339
from ..model.errors import Failure
from ..rollout.capacity import Memory
from ..rollout.finding import CERTIFICATE, Finding
from ..rollout.ports import Host
from ..rollout.surrounding_findings import room_findings
from ..rollout.surroundings import Surroundings, Unit, own_timers
from ..startup.fast_dataclass import dataclass


@dataclass(frozen=True)
class Room:
    findings: tuple[Finding, ...]
    docker_answers: bool | None
    """None: unknown."""


def look_at_room(host: Host) -> Room:
    """Unknown is not too little: with Docker down nothing is known of its disk, and that has a finding of its own."""
    free_mb: int | None = None
    memory: Memory | None = None
    answers: bool | None = True
    try:
        free_mb = host.containers.free_mb()
        memory = host.machine.memory()
    except Failure:
        answers = False
    except OSError:
        answers = None
    return Room(room_findings(host.config.service, free_mb, host.config.min_free_mb, memory), answers)


def checks_doc(
    service: str, seen: Surroundings, findings: Sequence[Finding], docker_answers: bool | None, edge_answers: bool
) -> dict[str, Any]:
    """None: unknown. `certificate_ends`: of the certificate that HAProxy serves."""
    recovery, watchdog = (_works(seen.units.get(name)) for name in own_timers(service))
    certificates = seen.certificates
    served = certificates.served if certificates else None
    return {
        "recovery_timer": recovery,
        "watchdog_timer": watchdog,
        "docker": docker_answers,
        "edge": edge_answers,
        "registry": _reached(seen.registry_error),
        "model_store": _reached(seen.store_error),
        "certificate": None if certificates is None else not any(it.about == CERTIFICATE for it in findings),
        "certificate_ends": rfc3339(served.ends) if served else None,
        "changed_files": None if seen.changed is None else [it.path for it in seen.changed.files],
    }


def _reached(error: str | None) -> bool | None:
    return None if error is None else not error


def _works(timer: Unit | None) -> bool | None:
    """Unknown for one that systemd does not know: the host was not converged since there is such a timer."""
    return not timer.rests if timer and timer.exists else None
