"""The containers around the instances: AWS API, registry, ACME server, and the network of a VPC.

Everything carries the label `slipway.rehearsal` and its own names, so that a lab on the same machine is left alone.
"""

from __future__ import annotations

import json
import os
import ssl
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import settings, shell
from .settings import LABEL, PREFIX, Place, Vpc

CODE = "/opt/slipway"


def container(name: str) -> str:
    return f"{PREFIX}-{name}"


def running(name: str) -> bool:
    """Whether the container runs; one that has stopped is removed."""
    state = shell.run(
        ["docker", "container", "inspect", "--format", "{{.State.Running}}", container(name)], ok=(0, 1)
    ).strip()
    if state == "false":
        shell.docker("rm", "--force", container(name))
    return state == "true"


@dataclass
class World:
    place: Place
    region: str
    images: dict[str, Any]  # services, python, hosts (by suite), cloud, ami (by suite)
    say: Callable[[str], None]
    vpc: Vpc | None = None
    clients: dict[str, Any] = field(default_factory=dict)
    # Steps, instances and load balancers are followed in threads of their own.
    lock: threading.RLock = field(default_factory=threading.RLock)

    def environment(self) -> dict[str, str]:
        """The environment of clients of the account on this machine: endpoint, credentials and CAs."""
        dropped = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE")
        kept = {k: v for k, v in os.environ.items() if k not in dropped}
        bundle = str(self.bundle)
        return kept | {
            "AWS_ENDPOINT_URL": settings.AWS_URL,
            "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": settings.SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "NO_PROXY": f"{settings.AWS_ADDRESS},{settings.DOMAIN},amazonaws.com,127.0.0.1",
        }

    def role(self, arn: str) -> dict[str, str]:
        """Variables of the environment with the credentials of a role, which are good for an hour."""
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="rehearsal")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    @property
    def bundle(self) -> Path:
        """The CAs of this machine and those of the rehearsal."""
        return self.place.shared / "ca" / "bundle.pem"

    def write_bundle(self) -> None:
        own = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
        parts = [Path(own), self.place.ca / "ca.pem", self.place.ca / "acme-roots.pem"]
        self.bundle.write_text("\n".join(p.read_text() for p in parts if p.exists()))

    def client(self, service: str) -> Any:
        """A boto3 client of the account, by address: this machine's resolver is not asked."""
        import boto3

        with self.lock:
            if service not in self.clients:
                self.clients[service] = boto3.client(
                    service, region_name=self.region, endpoint_url=settings.AWS_URL,
                    aws_access_key_id=settings.ACCESS_KEY, aws_secret_access_key=settings.SECRET_KEY,
                    verify=str(self.bundle),
                )  # fmt: skip
            return self.clients[service]

    def _start(self, name: str, image: str, network: str, address: str, options: list[str], command: list[str]) -> None:
        if running(name):
            return
        shell.docker(
            "run", "--detach", "--init", f"--name={container(name)}", f"--label={LABEL}=service",
            f"--network={network}", f"--ip={address}", *options, image, *command,
        )  # fmt: skip

    def _files(self, aws_address: str) -> list[str]:
        return [
            f"--volume={self.place.ca}/services.pem:/etc/lab/services.pem:ro",
            f"--volume={self.place.ca}/services.key:/etc/lab/services.key:ro",
            f"--volume={self.place.ca}/ca.pem:/etc/lab/ca.pem:ro",
            f"--volume={settings.ROOT}/rehearsal:{CODE}/rehearsal:ro",
            f"--env=PYTHONPATH={CODE}:/usr/local/lib/python3/site-packages", "--env=PYTHONDONTWRITEBYTECODE=1",
            f"--add-host={settings.AWS_NAME}:{aws_address}",
            f"--env=AWS_ENDPOINT_URL=https://{settings.AWS_NAME}", "--env=AWS_CA_BUNDLE=/etc/lab/ca.pem",
            f"--env=AWS_ACCESS_KEY_ID={settings.ACCESS_KEY}", f"--env=AWS_SECRET_ACCESS_KEY={settings.SECRET_KEY}",
            f"--env=AWS_DEFAULT_REGION={self.region}",
        ]  # fmt: skip

    def start_cloud(self) -> None:
        """The AWS API and the registry. A restart of the API is an account with nothing in it."""
        tls = ["--ssl-cert", "/etc/lab/services.pem", "--ssl-key", "/etc/lab/services.key"]
        self._start(
            "aws", self.images["cloud"], settings.SERVICES_NETWORK, settings.AWS_ADDRESS,
            [*self._files(settings.AWS_ADDRESS), f"--env=MOTO_ACCOUNT_ID={settings.ACCOUNT}",
             "--env=S3_IGNORE_SUBDOMAIN_BUCKETNAME=true", "--env=MOTO_IAM_LOAD_MANAGED_POLICIES=true"],
            ["python3", "-m", "rehearsal.cloud", "--host", "0.0.0.0", "--port", "443", *tls],
        )  # fmt: skip
        shell.wait_for("the AWS API", lambda: bool(self.client("sts").get_caller_identity()["Account"]))
        self._start(
            "registry", self.images["cloud"], settings.SERVICES_NETWORK, settings.REGISTRY_ADDRESS,
            [*self._files(settings.AWS_ADDRESS),
             f"--volume={settings.ROOT}/rehearsal/images/registry.yml:/etc/lab/registry.yml:ro"],
            ["/usr/local/bin/registry"],
        )  # fmt: skip

    def attach(self, vpc: Vpc) -> Vpc:
        """The network of the VPC, its resolver and metadata service, and the played services within reach."""
        with self.lock:
            return self._attach(vpc)

    def _attach(self, vpc: Vpc) -> Vpc:
        if self.vpc == vpc and running("vpc"):
            return vpc
        names = shell.docker("network", "ls", "--format", "{{.Name}}").split()
        if settings.VPC_NETWORK not in names:
            shell.docker(
                "network", "create", f"--subnet={vpc.cidr}", f"--gateway={vpc.router}", f"--label={LABEL}=vpc",
                f"--opt=com.docker.network.bridge.name={settings.VPC_BRIDGE}", settings.VPC_NETWORK,
            )  # fmt: skip
            for name, address in (("aws", vpc.aws), ("registry", vpc.registry)):
                shell.docker("network", "connect", f"--ip={address}", settings.VPC_NETWORK, container(name))
        given = self.place.path / "vpc.json"
        if given.exists() and json.loads(given.read_text())["vpc_id"] != vpc.id:
            raise shell.Failed(
                f"The network of another VPC is left: run `make rehearse-down ENV={self.place.env}` first."
            )
        given.parent.mkdir(parents=True, exist_ok=True)
        given.write_text(
            json.dumps({
                "region": self.region,
                "account": settings.ACCOUNT,
                "vpc_id": vpc.id,
                "metadata_address": settings.METADATA_ADDRESS,
                "resolver_address": vpc.resolver,
                "upstream": "127.0.0.11",
                "names": {
                    settings.registry_name(self.region): vpc.registry,
                    settings.ACME_NAME: vpc.acme,
                    settings.AWS_NAME: vpc.aws,
                    "*.amazonaws.com": vpc.aws,
                },
            })
        )  # fmt: skip
        # It answers at the address of the metadata service, on the subnet's own link.
        add = f"ip address add {settings.METADATA_ADDRESS}/32 dev lo && exec python3 -m rehearsal.vpc /etc/lab/vpc.json"
        self._start(
            "vpc", self.images["cloud"], settings.VPC_NETWORK, vpc.resolver,
            [*self._files(vpc.aws), "--cap-add=NET_ADMIN", f"--volume={given}:/etc/lab/vpc.json:ro"],
            ["sh", "-c", add],
        )  # fmt: skip
        self._start(
            "acme", self.images["cloud"], settings.VPC_NETWORK, vpc.acme,
            [*self._files(vpc.aws), f"--volume={settings.ROOT}/rehearsal/images/pebble.json:/etc/lab/pebble.json:ro",
             "--env=PEBBLE_VA_NOSLEEP=1", "--env=PEBBLE_WFE_NONCEREJECT=0"],
            ["pebble", "-config", "/etc/lab/pebble.json", "-dnsserver", f"{vpc.resolver}:53"],
        )  # fmt: skip
        shell.wait_for("the resolver of the VPC", lambda: "ready" in shell.docker("logs", container("vpc")))
        self.vpc = vpc
        return vpc

    def trust_acme(self) -> None:
        """The ACME server makes a new root at every start; a client on this machine is to know it."""
        assert self.vpc is not None
        context = ssl.create_default_context(cafile=str(self.place.ca / "ca.pem"))
        context.check_hostname = False  # asked by its address
        url = f"https://{self.vpc.acme}:15000/roots/0"

        def fetch() -> bool:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                (self.place.ca / "acme-roots.pem").write_bytes(answer.read())
            return True

        shell.wait_for("the ACME server", fetch)
        self.write_bundle()
