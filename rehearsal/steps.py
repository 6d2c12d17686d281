"""The steps of a rehearsal, in order. Each does one thing that a user would do, and says what it saw."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import agent, balancer, elb, inside, leftovers, machine, operation, settings, shell, traffic
from .instances import Docker, Instance, Reconciler, instances_of, name
from .settings import ROOT, Place, Vpc
from .terraform import Terraform, Wanted, refusal
from .world import World, container

ANSIBLE_S = 1800.0


def version_of(services_yml: str, service: str) -> str:
    """The version of a service (services.yml of the inventory's group_vars)."""
    return str(yaml.safe_load(services_yml)["services"][service]["version"])


@dataclass
class Rehearsal:
    """What the steps share."""

    place: Place
    asked: str | None = None  # a topology, instead of that of terraform.tfvars
    topology: str = ""
    log: Path = Path()  # of the step that runs
    world: World = field(init=False)
    terraform: Terraform = field(init=False)
    wanted: Wanted = field(init=False)
    key: str = ""
    agent: machine.Agent | None = None
    reconciler: Reconciler | None = None
    balancers: balancer.Balancers | None = None
    infra: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, Any] = field(default_factory=dict)
    pipeline_role: str = ""
    before: set[str] = field(default_factory=set)
    version: str = ""

    def note(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    # The account, as the reconciler and the checks see it.

    def describe(self) -> list[Instance]:
        ec2 = self.world.client("ec2")
        described = ec2.describe_instances()
        used = sorted({i["ImageId"] for r in described["Reservations"] for i in r["Instances"]})
        images = ec2.describe_images(ImageIds=used)["Images"] if used else []
        return instances_of(described, {i["ImageId"]: i.get("Name", "") for i in images})

    def network(self, vpc_id: str) -> Vpc:
        (vpc,) = self.world.client("ec2").describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
        return self.world.attach(Vpc(vpc["VpcId"], vpc["CidrBlock"]))

    def certified(self, arn: str) -> list[str]:
        """The names that a certificate of ACM is for."""
        found = self.world.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
        return list(dict.fromkeys([found["DomainName"], *found.get("SubjectAlternativeNames", [])]))

    def follow(self) -> None:
        """From now on hosts and load balancers are what the API says."""
        images = self.world.images
        self.reconciler = Reconciler(
            self.describe, self.network, Docker(lambda suite: str(images["ami"][suite])), self.note
        )
        self.balancers = balancer.Balancers(
            lambda file: elb.balancers(self.world.client, file),
            self.network,
            balancer.Docker(lambda: str(images["cloud"])),
            balancer.Files(self.place.path / "balancers", self.place.ca, self.certified),
            container("aws"),
            self.note,
        )
        for it in (self.reconciler, self.balancers):
            it.start()

    def stop(self) -> None:
        for it in (self.reconciler, self.balancers):
            if it:
                it.stopping.set()
        if self.agent:
            self.agent.stop()

    @property
    def host_id(self) -> str:
        (host,) = self.hosts.values()
        return str(host["id"])

    def environment(self) -> dict[str, str]:
        """For Ansible and the host tests, with the rights of the pipeline."""
        assert self.agent is not None
        env = self.world.environment()
        return (
            env
            | self.world.role(self.pipeline_role)
            | {
                "PATH": f"{machine.write_cli(self.place)}:{env['PATH']}",
                "SSH_AUTH_SOCK": self.agent.socket,
                "SLIPWAY_TERRAFORM_OUTPUTS": str(self.place.path / "outputs.json"),
                "ANSIBLE_FORCE_COLOR": "0",
            }
        )

    def switches(self) -> dict[str, Any]:
        """The documented variables of the inventory that differ from AWS."""
        return {
            "tls_directory_url": settings.ACME_URL,
            "service_ca_path": str(self.place.ca / "acme-roots.pem"),
            "build_base_image": self.world.images["python"],
            # The usual address; because it is given, the client names the bucket in the path, as moto wants it here.
            "backup_environment": {
                "AWS_ENDPOINT_URL_S3": f"https://s3.{self.wanted.region}.amazonaws.com",
                "AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
            },
            # The kernel of its hosts is this machine's.
            "baseline_kernel_sysctl": {},
        }

    def playbook(self, path: str, **variables: Any) -> str:
        """The playbook over the environment's own inventory, with its documented switches."""
        ansible = str(Path(sys.executable).parent / "ansible-playbook")
        argv = [ansible, "--inventory", f"inventory/{self.place.env}", path]
        argv += ["--extra-vars", json.dumps(self.switches() | variables)]
        return shell.run(argv, env=self.environment(), cwd=ROOT, deadline_s=ANSIBLE_S, log=self.log)

    def refresh(self) -> None:
        """The outputs of the last apply, the version of their service, and its name on this machine."""
        self.infra, self.hosts = self.terraform.outputs()
        self.pipeline_role = self.terraform.pipeline_role()
        services = ROOT / "inventory" / self.place.env / "group_vars" / "all" / "services.yml"
        self.version = version_of(services.read_text(), self.infra["service"])
        names = {settings.registry_name(self.wanted.region): settings.REGISTRY_ADDRESS}
        for host in self.hosts.values():
            names[self.infra["domain"]] = host["address"]
        described, addresses = elb.read_addresses(self.world.client)
        for it in described["LoadBalancers"]:
            address = addresses[it["LoadBalancerArn"]]
            names |= {it["DNSName"]: address, self.infra["domain"]: address}
        machine.write_names(names)

    @property
    def instances(self) -> list[str]:
        """Ids of the instances that run the service."""
        if self.hosts:
            return [str(host["id"]) for host in self.hosts.values()]
        return sorted(i.id for i in self.describe() if i.state in ("pending", "running"))

    def boot(self) -> None:
        """The instances' hosts run, cloud-init has finished without an error, and their agents are connected."""
        assert self.reconciler is not None
        for key in self.instances:
            self.reconciler.wait(key, settings.BOOT_S)
            # A repeated rehearsal finds the host, so the reconciler has made no network.
            (instance,) = (i for i in self.describe() if i.id == key)
            self.network(instance.vpc_id)
            self.world.trust_acme()
            self.note(inside.cloud_init(name(key), settings.BOOT_S))


def check_settings(it: Rehearsal) -> str:
    """terraform.tfvars is read before anything is made."""
    it.key = machine.make_key(it.place)
    it.world = World(it.place, "eu-central-1", {}, it.note)
    it.terraform = Terraform(it.place, it.world.environment())
    used = it.terraform.copy(it.key)
    it.wanted = it.terraform.wanted(it.log, it.asked)
    if why := refusal(it.wanted):
        raise shell.Failed(why)
    it.terraform.variables(it.wanted, it.key)
    it.topology = it.wanted.topology
    return f"{used}: {it.wanted.topology}, {it.wanted.os}, {it.wanted.region}, {it.wanted.fqdn}"


def prepare_machine(it: Rehearsal) -> str:
    suite = settings.SUITES[it.wanted.os]
    images = machine.prepare(it.place, it.wanted.region, suite, it.log)
    machine.trust_registry(it.place, it.wanted.region)
    it.world = World(it.place, it.wanted.region, images, it.note)
    it.world.write_bundle()
    it.terraform = Terraform(it.place, it.world.environment())
    it.agent = machine.Agent.start(it.place)
    return f"Docker, CA, machine image of {suite}"


def open_account(it: Rehearsal) -> str:
    """The AWS API and the registry, and what is there before Terraform: the user's zone, the agent's package."""
    machine.write_names({settings.registry_name(it.wanted.region): settings.REGISTRY_ADDRESS})
    it.world.start_cloud()
    route53, s3 = it.world.client("route53"), it.world.client("s3")
    if it.wanted.zone and not route53.list_hosted_zones_by_name(DNSName=it.wanted.zone)["HostedZones"]:
        route53.create_hosted_zone(Name=it.wanted.zone, CallerReference=it.wanted.zone)
    bucket = f"amazon-ssm-{it.wanted.region}"
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": it.wanted.region})
        agent.publish(s3, it.wanted.region, agent.package())
    it.follow()
    return f"account {settings.ACCOUNT}, zone {it.wanted.zone or 'made by Terraform'}"


def bootstrap(it: Rehearsal) -> str:
    it.terraform.variables(it.wanted, it.key, it.terraform.bootstrap(it.log))
    # Of the first run: a later one begins with what an earlier one has applied.
    known = it.place.path / "before.json"
    if not known.exists():
        known.write_text(json.dumps(sorted(leftovers.resources(it.world.client))))
    it.before = set(json.loads(known.read_text()))
    return "the bucket of the state"


def apply(it: Rehearsal) -> str:
    it.terraform.init(it.log)
    it.terraform.apply(it.log)
    it.refresh()
    return f"{leftovers.count(it.terraform)} resources"


def plan_again(it: Rehearsal) -> str:
    if changes := it.terraform.changes(it.log):
        raise shell.Failed(f"A second plan would change {', '.join(changes)}. All of it: {it.log}")
    return "no changes"


def boot(it: Rehearsal) -> str:
    it.boot()
    if not it.instances:
        raise shell.Failed("No instance was started: size.min in terraform.tfvars is 0.")
    return ", ".join(f"{key} at {inside.address(name(key))}" for key in it.instances)


def metadata(it: Rehearsal) -> str:
    """What the hosts read about themselves, from within."""
    for key in it.instances:
        found = inside.metadata(name(key))
        (described,) = it.world.client("ec2").describe_instances(InstanceIds=[key])["Reservations"]
        if wrong := inside.differences(found, described["Instances"][0], it.wanted.region):
            raise shell.Failed(f"Instance metadata of {key}: {'; '.join(wrong)}")
    return "tokens required, identity, tags, region, role"


def build(it: Rehearsal) -> str:
    it.playbook("playbooks/build.yml", version=it.version, build_existing="keep")
    return f"{it.version} in {it.infra['registry']}"


def site(it: Rehearsal) -> str:
    it.playbook("site.yml", version=it.version)
    return f"{it.version} is live at https://{it.infra['domain']}, certificate by ACME"


def destroy(it: Rehearsal) -> str:
    it.terraform.unprotect(it.log)
    it.terraform.destroy(it.log)
    left = leftovers.resources(it.world.client) - it.before
    if left:
        raise shell.Failed(f"terraform destroy has left behind: {', '.join(sorted(left))}")
    shell.wait_for("the removal of the hosts", lambda: not it.reconciler or not it.reconciler.docker.hosts(), 120)
    shell.wait_for(
        "the removal of the load balancer", lambda: not it.balancers or not it.balancers.docker.running(), 120
    )
    return "nothing is left"


Step = tuple[str, Callable[[Rehearsal], str]]
STEPS: list[Step] = [
    ("settings", check_settings),
    ("machine", prepare_machine),
    ("account", open_account),
    ("bootstrap", bootstrap),
    ("apply", apply),
    ("second plan", plan_again),
    ("boot", boot),
    ("metadata", metadata),
    ("balancer", traffic.balancer),
    ("build", build),
    ("site.yml", site),
    ("verify", operation.verify),
    ("pipeline", operation.pipeline),
    ("rollback", operation.roll_back),
    ("restart", operation.restart),
    ("replace", operation.replace),
    ("destroy", destroy),
]
