"""The memory of this host and of its GPUs."""

from __future__ import annotations

from ..rollout.capacity import Memory

MEMINFO = "/proc/meminfo"


class LinuxMachine:
    def memory(self) -> Memory:
        with open(MEMINFO, encoding="ascii") as file:
            rows = dict(line.split(":") for line in file)
        total, available = (int(rows[name].split()[0]) // 1024 for name in ("MemTotal", "MemAvailable"))
        return Memory(total, available)

    def gpu_memory(self) -> Memory:
        # Local import: few releases use a GPU (docs/startup.md).
        from . import gpu

        return gpu.memory()
