"""What a transaction's effects need beside the host, and what they observed."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.counters import Counters, Span
from ..model.inflight import InFlight
from ..model.model import Release, Settings
from ..model.rollout_options import RegistryAuth
from ..startup.fast_dataclass import dataclass, field
from ..startup.http_client import Reply
from .redact import Redact, redactor


@dataclass(frozen=True)
class Observation:
    """What applying one effect showed; most show nothing."""

    warnings: tuple[str, ...] = ()
    canary_note: str | None = None
    """The numbers of a canary's step."""
    promoted: bool = False
    """An operator promoted the canary: its further steps are skipped."""
    drained: Mapping[str, InFlight | None] = field(default_factory=dict)
    """Slot → what was in flight when its drain ended; None: unknown."""
    dropped: InFlight = field(default_factory=InFlight)


@dataclass()
class Observations:
    """All that the effects of a run showed."""

    warnings: list[str] = field(default_factory=list)
    canary_notes: list[str] = field(default_factory=list)
    promoted: bool = False
    drained: dict[str, InFlight | None] = field(default_factory=dict)
    dropped: InFlight = field(default_factory=InFlight)
    counters_before: Mapping[str, Counters] | None = None
    """HAProxy's counters right before the switch; None: unknown."""
    front_door_before: Reply | None = None
    """What the front door answered right before the switch; None: it was not queried."""
    switched: dict[str, Span] = field(default_factory=dict)
    """What each slot answered from right before the switch to the end of the drain."""

    def add(self, observation: Observation) -> None:
        self.warnings += observation.warnings
        if observation.canary_note is not None:
            self.canary_notes.append(observation.canary_note)
        self.promoted = self.promoted or observation.promoted
        self.drained.update(observation.drained)
        self.dropped += observation.dropped


@dataclass(frozen=True)
class Run:
    """`redact` removes the values of the release's secrets from text."""

    release: Release | None = None
    settings: Settings = field(default_factory=Settings)
    auth: RegistryAuth | None = None
    txn: str = ""
    redact: Redact = field(default_factory=lambda: str)
    observations: Observations = field(default_factory=Observations)


def new_run(
    release: Release | None = None,
    settings: Settings | None = None,
    auth: RegistryAuth | None = None,
    txn: str = "",
) -> Run:
    settings = settings or Settings()
    return Run(release, settings, auth, txn, redactor(settings.secrets.values()))
