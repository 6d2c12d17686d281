"""Instance metadata: tokens, hop limit, and what an instance reads about itself."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from rehearsal import metadata
from rehearsal.metadata import Facts, Tokens, read

INSTANCE: dict[str, Any] = {
    "InstanceId": "i-1",
    "ImageId": "ami-1",
    "InstanceType": "t3.micro",
    "PrivateIpAddress": "127.0.0.1",
    "PublicIpAddress": "54.1.2.3",
    "LaunchTime": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "Placement": {"AvailabilityZone": "eu-central-1a"},
    "IamInstanceProfile": {"Arn": "arn:aws:iam::111122223333:instance-profile/host"},
    "MetadataOptions": {"HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled", "HttpEndpoint": "enabled"},
    "Tags": [{"Key": "Name", "Value": "slipway-dev-inference-1"}],
}
ASSUMED = {
    "AccessKeyId": "ASIA1",
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": datetime(2026, 1, 1, 6, tzinfo=timezone.utc),
}
FACTS = Facts(INSTANCE, b"#cloud-config\n", "eu-central-1", "111122223333", "slipway-dev-host", lambda: ASSUMED)
TTL = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}


@pytest.fixture
def service() -> Iterator[str]:
    """The service, for an instance at the loopback."""
    server = metadata.server("127.0.0.1", 0, {"127.0.0.1": FACTS}.get)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/latest"
    server.shutdown()
    server.server_close()


def token(service: str, **more: str) -> str:
    return requests.put(f"{service}/api/token", headers=TTL | more, timeout=5).text


def test_nothing_is_answered_without_a_token(service: str) -> None:
    assert requests.get(f"{service}/meta-data/instance-id", timeout=5).status_code == 401
    assert requests.get(f"{service}/user-data", headers={"X-aws-ec2-metadata-token": "x"}, timeout=5).status_code == 401


def test_a_token_opens_metadata_and_user_data(service: str) -> None:
    headers = {"X-aws-ec2-metadata-token": token(service)}
    assert requests.get(f"{service}/meta-data/instance-id", headers=headers, timeout=5).text == "i-1"
    assert requests.get(f"{service}/user-data", headers=headers, timeout=5).text == "#cloud-config\n"
    assert requests.get(f"{service}/meta-data/no-such", headers=headers, timeout=5).status_code == 404


def test_a_proxy_gets_no_token(service: str) -> None:
    given = requests.put(f"{service}/api/token", headers=TTL | {"X-Forwarded-For": "10.0.0.1"}, timeout=5)
    assert given.status_code == 403


@pytest.mark.parametrize("ttl", ["", "0", "21601", "soon"])
def test_a_token_needs_a_lifetime(service: str, ttl: str) -> None:
    headers = {"X-aws-ec2-metadata-token-ttl-seconds": ttl}
    assert requests.put(f"{service}/api/token", headers=headers, timeout=5).status_code == 400


def test_the_answer_with_the_token_goes_as_far_as_the_hop_limit(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container is one hop behind its host: the token is lost on the way where the limit is 1."""
    seen: list[tuple[int, ...]] = []

    class Watched(socket.socket):
        def setsockopt(self, *arguments: Any) -> None:
            seen.append(arguments)
            super().setsockopt(*arguments)

    accept = socket.socket.accept

    def watched(self: socket.socket) -> tuple[socket.socket, Any]:
        connection, address = accept(self)
        return Watched(fileno=connection.detach()), address

    monkeypatch.setattr(socket.socket, "accept", watched)
    assert token(service)
    assert (socket.IPPROTO_IP, socket.IP_TTL, 1) in seen


def test_a_token_is_for_the_address_that_asked_and_ends() -> None:
    now = [0.0]
    tokens = Tokens(lambda: now[0])
    given = tokens.issue("10.20.1.4", 60)
    assert tokens.valid(given, "10.20.1.4") and not tokens.valid(given, "10.20.1.5")
    now[0] = 60.0
    assert not tokens.valid(given, "10.20.1.4") and not tokens.valid(None, "10.20.1.4")


def text(path: str, facts: Facts = FACTS) -> str:
    found = read(facts, path)
    assert found is not None, path
    return found.decode()


def test_identity_placement_tags_and_role() -> None:
    assert text("meta-data/placement/region") == "eu-central-1"
    assert text("meta-data/tags/instance/Name") == "slipway-dev-inference-1"
    assert text("meta-data/iam/security-credentials/") == "slipway-dev-host"
    identity = json.loads(text("dynamic/instance-identity/document"))
    assert (identity["instanceId"], identity["accountId"]) == ("i-1", "111122223333")
    credentials = json.loads(text("meta-data/iam/security-credentials/slipway-dev-host"))
    assert (credentials["AccessKeyId"], credentials["Token"], credentials["Code"]) == ("ASIA1", "t", "Success")


def test_directories_list_what_is_below() -> None:
    assert text("meta-data/placement").split() == ["availability-zone", "region"]
    assert "placement/" in text("meta-data/").split() and "instance-id" in text("meta-data").split()
    assert set(text("").split()) == {"dynamic/", "meta-data/", "user-data"}


def test_tags_and_role_only_where_the_instance_has_them() -> None:
    instance = {**INSTANCE, "MetadataOptions": {}, "IamInstanceProfile": {}}
    bare = replace(FACTS, instance=instance, role=None, user_data=None)
    assert read(bare, "meta-data/tags/instance/Name") is None
    assert read(bare, "meta-data/iam/security-credentials/") is None
    assert read(bare, "user-data") is None
