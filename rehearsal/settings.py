"""Names, addresses and folders of a rehearsal: the one home of each."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "slipway-rehearsal"
LABEL = "slipway.rehearsal"
# moto accepts any.
ACCESS_KEY, SECRET_KEY = "rehearsal", "rehearsal-secret-key"
# An account of its own: its registry has another name than the lab's.
ACCOUNT = "111122223333"
# Until an instance that boots is reachable and serves.
BOOT_S = 420.0
DOMAIN = "rehearsal.test"
AWS_NAME = f"aws.{DOMAIN}"
ACME_NAME = f"acme.{DOMAIN}"
ACME_URL = f"https://{ACME_NAME}/dir"

# The services that are played live here before there is a VPC, and this machine reaches them here. Docker makes the
# network whose name sorts first the default route of a container: a VPC's must sort before this one's.
SERVICES_NETWORK = f"{PREFIX}-services"
SERVICES_SUBNET = "172.30.98.0/24"
REGISTRY_ADDRESS = "172.30.98.3"
ACME_ADDRESS = "172.30.98.4"
AWS_ADDRESS = "172.30.98.5"
# By address: of a name, Terraform's provider would make a name for each bucket.
AWS_URL = f"https://{AWS_ADDRESS}"
VPC_NETWORK = f"{PREFIX}-ec2"
VPC_BRIDGE = "slipway-ec2"
METADATA_ADDRESS = "169.254.169.254"

SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}


def registry_name(region: str) -> str:
    return f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"


def service_names(region: str) -> list[str]:
    """What the certificate of the services is for."""
    regional = [f"*.{region}.amazonaws.com", f"*.ecr.{region}.amazonaws.com", f"*.s3.{region}.amazonaws.com"]
    return [registry_name(region), AWS_NAME, AWS_ADDRESS, ACME_NAME, *regional, "*.amazonaws.com"]


@dataclass(frozen=True)
class Vpc:
    """Addresses of a VPC's own network. AWS keeps the first four of each subnet; the highest are rarely given."""

    id: str
    cidr: str

    def at(self, index: int) -> str:
        return str(ipaddress.IPv4Network(self.cidr)[index])

    @property
    def router(self) -> str:
        return self.at(1)

    @property
    def resolver(self) -> str:
        return self.at(2)

    @property
    def aws(self) -> str:
        return self.at(-3)

    @property
    def registry(self) -> str:
        return self.at(-4)

    @property
    def acme(self) -> str:
        return self.at(-5)

    @property
    def responder(self) -> str:
        """What stands in for a task."""
        return self.at(-6)


@dataclass(frozen=True)
class Place:
    """The directory of one environment's rehearsal."""

    env: str

    @property
    def shared(self) -> Path:
        """What every environment uses: authority, keys."""
        return ROOT / ".rehearse"

    @property
    def path(self) -> Path:
        return self.shared / self.env

    @property
    def ca(self) -> Path:
        return self.shared / "ca"

    @property
    def key(self) -> Path:
        return self.shared / "ssh" / "id_ed25519"

    @property
    def terraform(self) -> Path:
        return self.path / "terraform"
