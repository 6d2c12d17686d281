"""Pure: does this host's memory, and that of its GPU, hold what a rollout has running at once?"""

from __future__ import annotations

from collections.abc import Callable

from ..model.errors import Code, Failure
from ..model.model import Options, Ref
from ..startup.fast_dataclass import dataclass

UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
STOP_FIRST = (
    "Stop the old release first: --strategy stop_first for this deploy, release_strategy: stop_first permanently. Or "
)


@dataclass(frozen=True)
class Kind:
    """Of memory: its name, how much of it a release may use, and what an operator can do if that is too much."""

    name: str
    size: Callable[[Options], str | None]
    hint: str
    """After `Or`."""


RAM = Kind(
    "memory",
    lambda options: options.memory,
    "lower options.memory (release_options), lower the reserve (release_memory_reserve_mb), or use a larger host.",
)
GPU = Kind(
    "GPU memory",
    lambda options: options.gpu_memory,
    "lower options.gpu_memory (release_options) if the release needs less, or use a larger GPU.",
)


@dataclass(frozen=True)
class Memory:
    """In MB."""

    total_mb: int
    available_mb: int


@dataclass(frozen=True)
class Share:
    """A release and the memory that it may take (options.memory, options.gpu_memory), in MB."""

    ref: Ref
    mb: int


def size_mb(text: str) -> int:
    """Docker's notation (`512m`, `1g`, a number of bytes) in MB, rounded up."""
    unit = text[-1].lower()
    number = int(text[:-1]) * UNITS[unit] if unit in UNITS else int(text)
    return -(-number // 2**20)


def check_capacity(
    kind: Kind, memory: Memory, reserve_mb: int, candidate: Share, beside: Share | None
) -> Failure | None:
    """
    Why the candidate can't run here, beside the live release where that goes on running. Limits are what counts, not
    what is used at the moment: with both at their limits the kernel would kill one, and not of necessity the new one.
    """
    room, wanted = memory.total_mb - reserve_mb, candidate.mb + (beside.mb if beside else 0)
    if wanted <= room:
        return None
    old = f" beside {beside.ref}" if beside else ""
    sum_ = f"{candidate.mb} MB" + (f" + {beside.mb} MB" if beside else "")
    reserve = f" ({memory.total_mb} MB minus the reserve of {reserve_mb} MB)" if reserve_mb else ""
    return Failure(
        Code.PREFLIGHT,
        f"not enough {kind.name} for {candidate.ref}{old}: limits {sum_}, available to releases {room} MB{reserve}",
        STOP_FIRST + kind.hint if beside and candidate.mb <= room else kind.hint[0].upper() + kind.hint[1:],
    )


def near_limit(kind: Kind, memory: Memory, candidate: Share, freed: Share | None) -> str | None:
    """A warning when the candidate's limit is above what is free now. `freed`: a standby that makes room first."""
    available = memory.available_mb + (freed.mb if freed else 0)
    if candidate.mb <= available:
        return None
    return (
        f"{kind.name}: {candidate.ref} may take {candidate.mb} MB, {available} MB are available at the moment; other "
        "programs take the rest"
    )
