"""Calls of the system: files, systemd, Docker, the lock, hooks, the GPU. Each has a timeout."""
