"""The memory of this host and of its GPUs, and which boot of it this is."""

from __future__ import annotations

from ..rollout.capacity import Memory

MEMINFO = "/proc/meminfo"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
INIT = "/proc/1/stat"


class LinuxMachine:
    def boot(self) -> str:
        # The kernel's id, and when init began (proc_pid_stat(5), field 22): a container boots without its kernel.
        with open(BOOT_ID, encoding="ascii") as file, open(INIT, encoding="utf-8", errors="replace") as init:
            return f"{file.read().strip()}.{init.read().rpartition(')')[2].split()[19]}"

    def memory(self) -> Memory:
        with open(MEMINFO, encoding="ascii") as file:
            rows = dict(line.split(":") for line in file)
        total, available = (int(rows[name].split()[0]) // 1024 for name in ("MemTotal", "MemAvailable"))
        return Memory(total, available)

    def gpu_memory(self) -> Memory:
        # Local import: few releases use a GPU (docs/startup.md).
        from . import gpu

        return gpu.memory()
