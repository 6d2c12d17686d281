"""Instance metadata as EC2 serves it at 169.254.169.254: IMDSv2 only, by tokens, for the instance that asks.

Source: "Use instance metadata to manage your EC2 instance" of the EC2 user guide. An instance is known by the address
that its request comes from, and the hop limit is the TTL of the answer that carries the token.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_TTL_S = 21600
VERSIONS = ("2021-03-23", "2024-04-11", "latest")
Find = Callable[[str], "Facts | None"]


@dataclass(frozen=True)
class Facts:
    """What the service says of one instance."""

    instance: dict[str, Any]  # as DescribeInstances has it
    user_data: bytes | None
    region: str
    account: str
    role: str | None
    credentials: Callable[[], dict[str, Any]]  # as AssumeRole answers, asked for when they are read

    @property
    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = self.instance.get("MetadataOptions", {})
        return options

    @property
    def hop_limit(self) -> int:
        return int(self.options.get("HttpPutResponseHopLimit", 1))


def identity(facts: Facts) -> dict[str, Any]:
    """The instance identity document, without its signatures."""
    it = facts.instance
    return {
        "accountId": facts.account,
        "architecture": it.get("Architecture", "x86_64"),
        "availabilityZone": it["Placement"]["AvailabilityZone"],
        "imageId": it["ImageId"],
        "instanceId": it["InstanceId"],
        "instanceType": it["InstanceType"],
        "pendingTime": it["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "privateIp": it["PrivateIpAddress"],
        "region": facts.region,
        "version": "2017-09-30",
    }


def values(facts: Facts) -> dict[str, str]:
    """Path below a version → text. The directories follow from the paths."""
    it = facts.instance
    zone = it["Placement"]["AvailabilityZone"]
    mac = next((n["MacAddress"] for n in it.get("NetworkInterfaces", []) if n.get("MacAddress")), "02:00:00:00:00:01")
    name = it.get("PrivateDnsName") or "ip-" + it["PrivateIpAddress"].replace(".", "-") + ".ec2.internal"
    found = {
        "ami-id": it["ImageId"],
        "ami-launch-index": str(it.get("AmiLaunchIndex", 0)),
        "hostname": name,
        "instance-id": it["InstanceId"],
        "instance-life-cycle": "on-demand",
        "instance-type": it["InstanceType"],
        "local-hostname": name,
        "local-ipv4": it["PrivateIpAddress"],
        "mac": mac,
        "placement/availability-zone": zone,
        "placement/region": facts.region,
        "security-groups": "\n".join(g["GroupName"] for g in it.get("SecurityGroups", [])),
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
        f"network/interfaces/macs/{mac}/device-number": "0",
        f"network/interfaces/macs/{mac}/local-ipv4s": it["PrivateIpAddress"],
        f"network/interfaces/macs/{mac}/mac": mac,
        f"network/interfaces/macs/{mac}/subnet-id": it.get("SubnetId", ""),
        f"network/interfaces/macs/{mac}/vpc-id": it.get("VpcId", ""),
    }
    if it.get("PublicIpAddress"):
        found["public-ipv4"] = it["PublicIpAddress"]
    if it.get("KeyName"):
        found["public-keys/"] = f"0={it['KeyName']}"
    if facts.role:
        found["iam/info"] = json.dumps({"Code": "Success", "InstanceProfileArn": it["IamInstanceProfile"]["Arn"]})
        found["iam/security-credentials/"] = facts.role
    if facts.options.get("InstanceMetadataTags") == "enabled":
        found |= {f"tags/instance/{tag['Key']}": tag["Value"] for tag in it.get("Tags", [])}
    return {f"meta-data/{path}": text for path, text in found.items()} | {
        "dynamic/instance-identity/document": json.dumps(identity(facts), indent=2)
    }


def read(facts: Facts, path: str) -> bytes | None:
    """The answer to GET /<version>/<path>, or None where there is nothing."""
    path = path.lstrip("/")
    if path == "user-data":
        return facts.user_data
    if facts.role and path == f"meta-data/iam/security-credentials/{facts.role}":
        return json.dumps(role_credentials(facts.credentials())).encode()
    known = values(facts)
    for candidate in (path, path + "/"):
        if candidate in known:
            return known[candidate].encode()
    folder = path.rstrip("/") + "/" if path else ""
    below = [it[len(folder) :] for it in known if it.startswith(folder)]
    if folder == "" and facts.user_data is not None:
        below.append("user-data")
    names = {
        name if not rest and "/" not in it else name + "/" for it in below for name, _, rest in [it.partition("/")]
    }
    return "\n".join(sorted(names)).encode() if names else None


def role_credentials(assumed: dict[str, Any]) -> dict[str, Any]:
    """AssumeRole's credentials in the words of the metadata service."""
    return {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "AccessKeyId": assumed["AccessKeyId"],
        "SecretAccessKey": assumed["SecretAccessKey"],
        "Token": assumed["SessionToken"],
        "Expiration": assumed["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@dataclass
class Tokens:
    """Session tokens: each is good for the address that asked for it, until it expires."""

    clock: Callable[[], float] = time.monotonic
    given: dict[str, tuple[str, float]] = field(default_factory=dict)

    def issue(self, address: str, ttl_s: int) -> str:
        token = secrets.token_urlsafe(40)
        self.given[token] = (address, self.clock() + ttl_s)
        return token

    def valid(self, token: str | None, address: str) -> bool:
        owner, until = self.given.get(token or "", ("", 0.0))
        return owner == address and self.clock() < until


class Handler(BaseHTTPRequestHandler):
    """One request. `find` and `tokens` are set by `server`."""

    find: Find
    tokens: Tokens
    protocol_version = "HTTP/1.1"
    server_version = "EC2ws"
    sys_version = ""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def facts(self) -> Facts | None:
        facts = self.find(self.client_address[0])
        if facts is None or facts.options.get("HttpEndpoint") == "disabled":
            return None
        return facts

    def do_PUT(self) -> None:
        if self.path != "/latest/api/token":
            return self.answer(404)
        # Proxies forward requests for others: a token is for the instance itself.
        if self.headers.get("X-Forwarded-For"):
            return self.answer(403)
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not ttl.isdigit() or not 1 <= int(ttl) <= MAX_TTL_S:
            return self.answer(400)
        facts = self.facts()
        if facts is None:
            return self.answer(403)
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, facts.hop_limit)
        token = self.tokens.issue(self.client_address[0], int(ttl))
        return self.answer(200, token.encode(), X_aws_ec2_metadata_token_ttl_seconds=ttl)

    def do_GET(self) -> None:
        if not self.tokens.valid(self.headers.get("X-aws-ec2-metadata-token"), self.client_address[0]):
            return self.answer(401)
        facts = self.facts()
        if facts is None:
            return self.answer(403)
        version, _, rest = self.path.lstrip("/").partition("/")
        if version == "":
            return self.answer(200, "\n".join(VERSIONS).encode())
        body = read(facts, rest) if version in VERSIONS else None
        return self.answer(404) if body is None else self.answer(200, body)

    def log_message(self, format: str, *args: Any) -> None:
        print(f"metadata {self.client_address[0]} {format % args}", flush=True)


def server(address: str, port: int, find: Find) -> ThreadingHTTPServer:
    """The service, bound and ready for serve_forever()."""
    handler = type("BoundHandler", (Handler,), {"find": staticmethod(find), "tokens": Tokens()})
    return ThreadingHTTPServer((address, port), handler)
