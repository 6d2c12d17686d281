"""What a request may bring beside the release: the registry's credentials, and how the traffic is moved."""

from __future__ import annotations

from ..startup.fast_dataclass import dataclass, field
from .model import Canary


@dataclass(frozen=True)
class RegistryAuth:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Rollout:
    """How the traffic gets from one release to the other: `blue_green` (at once, or as a canary) or `stop_first`."""

    strategy: str = "blue_green"
    canary: Canary | None = None
