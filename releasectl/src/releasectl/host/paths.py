"""Where things are on a host."""

from __future__ import annotations

import os

from ..startup.fast_dataclass import dataclass


@dataclass(frozen=True)
class Paths:
    """All of them hang from `root`, which is / but in tests."""

    root: str = "/"

    def at(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    @property
    def etc(self) -> str:
        return self.at("/etc/slipway")

    @property
    def run(self) -> str:
        return self.at("/run/slipway")

    @property
    def events(self) -> str:
        return self.at("/var/log/slipway/events.jsonl")

    @property
    def docker_socket(self) -> str:
        return self.at("/run/docker.sock")

    def container_io(self, container_id: str) -> str:
        """The FIFOs between containerd-shim and dockerd, below dockerd's --exec-root."""
        return self.at(f"/run/docker/containerd/{container_id}")

    @property
    def docker_restarted_in_vain(self) -> str:
        """When (monotonic clock) a restart of Docker did not bring its rules back. Of all services of this host."""
        return os.path.join(self.run, "docker-restarted-in-vain")

    @property
    def certbot_hook(self) -> str:
        """Installs what certbot has renewed; written by the role `tls`."""
        return self.at("/etc/letsencrypt/renewal-hooks/deploy/slipway-haproxy")

    @property
    def converged(self) -> str:
        """What the last converge left, on the whole host."""
        return self.at("/var/lib/slipway/converged.json")

    @property
    def letsencrypt(self) -> str:
        return self.at("/etc/letsencrypt")

    @property
    def backup_settings(self) -> str:
        """Written by the role `backup`; none: this host is not backed up."""
        return self.at("/etc/slipway/backup.json")

    @property
    def backup_result(self) -> str:
        """When the last backup was stored, and since when and why it fails; written by slipway-backup."""
        return os.path.join(self.homes, "backup.json")

    @property
    def restored(self) -> str:
        """What a restore has brought, until the restored releases run."""
        return os.path.join(self.homes, "restored.json")

    def service_json(self, service: str) -> str:
        return os.path.join(self.etc, service, "service.json")

    def hooks(self, service: str) -> str:
        return os.path.join(self.etc, service, "hooks")

    def lock(self, service: str) -> str:
        return os.path.join(self.run, f"{service}.lock")

    def exit_record(self, service: str, slot: str) -> str:
        """What became of the container that ran last in a slot, as run-slot saw it."""
        return os.path.join(self.run, f"{service}-{slot}.fate")

    def exits(self, service: str, slot: str) -> str:
        """The exits of the live container of a slot, as run-slot saw them."""
        return os.path.join(self.home(service), "exits", f"{slot}.json")

    def services(self) -> list[str]:
        """The services that this host is configured for."""
        names = sorted(os.listdir(self.etc)) if os.path.isdir(self.etc) else []
        return [name for name in names if os.path.exists(self.service_json(name))]

    @property
    def homes(self) -> str:
        """The directory of all services' records."""
        return self.at("/var/lib/slipway")

    def home(self, service: str) -> str:
        return os.path.join(self.homes, service)

    def cache(self, service: str, user: str) -> str:
        """What containers keep from release to release. A folder for each user: none can read what another wrote."""
        return os.path.join(self.home(service), "cache", user.partition(":")[0])

    @property
    def trusted(self) -> str:
        """The authorities that this host trusts, in one file; kept by update-ca-certificates."""
        return self.at("/etc/ssl/certs/ca-certificates.crt")

    def wanted(self, service: str) -> str:
        """The version that the inventory wanted at the last deploy."""
        return os.path.join(self.home(service), "wanted.json")

    def releases(self, service: str) -> str:
        return os.path.join(self.home(service), "releases")

    def release(self, service: str, number: int) -> str:
        return os.path.join(self.releases(service), str(number))

    def slots(self, service: str) -> str:
        return os.path.join(self.home(service), "slots")
