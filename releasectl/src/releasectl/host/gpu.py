"""NVIDIA GPUs, as their driver's own tool tells of them (nvidia-smi --help-query-gpu)."""

from __future__ import annotations

from ..model.errors import Code, Failure
from ..rollout.capacity import Memory
from .command import run

QUERY = ("nvidia-smi", "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits")


def memory() -> Memory:
    """Of the GPU with the least of each, in MB. Raises Failure (code 8) when there is none, or it does not say."""
    try:
        done = run(QUERY, 20)
        if done.code:
            raise Failure(Code.PREFLIGHT, done.message)
        rows = [[int(number) for number in line.split(",")] for line in done.out.splitlines()]
        totals, free = zip(*rows, strict=True)
    except (Failure, ValueError) as error:
        cause = error.cause if isinstance(error, Failure) else f"it printed {done.message!r}"
        raise Failure(
            Code.PREFLIGHT,
            f"options.gpu_memory is set, but nvidia-smi does not report the memory of this host's GPUs: {cause}",
            "Use an instance type and an image with NVIDIA GPUs and their driver, or leave gpu_memory out "
            "(release_options).",
        ) from error
    return Memory(min(totals), min(free))
