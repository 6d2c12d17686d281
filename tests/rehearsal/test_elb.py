"""What the AWS API says of load balancers, read into those of rehearsal/haproxy.py; and what the checks see, back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from rehearsal import elb, names
from rehearsal.haproxy import Balancer, Check, Group, Listener, Rule, Target


@pytest.mark.parametrize(
    ("columns", "state", "reason"),
    [
        (("UP", "L7OK", "200"), "healthy", ""),
        (("UP 1/2", "L7STS", "503"), "healthy", ""),
        (("no check", "", ""), "healthy", ""),
        (("DOWN 1/2", "INI", ""), "initial", "Elb.InitialHealthChecking"),
        (("DOWN", "", ""), "initial", "Elb.InitialHealthChecking"),
        (("DOWN", "L7STS", "503"), "unhealthy", "Target.ResponseCodeMismatch"),
        (("DOWN", "* L4TOUT", ""), "unhealthy", "Target.Timeout"),
        (("DOWN", "L4CON", ""), "unhealthy", "Target.FailedHealthChecks"),
    ],
)
def test_what_haproxy_sees_in_the_words_of_the_api(columns: tuple[str, str, str], state: str, reason: str) -> None:
    found = elb.seen(*columns)
    assert (found["state"], found["reason"]) == (state, reason)
    assert "[503]" in found["description"] or reason != "Target.ResponseCodeMismatch"


def test_targets_are_those_that_may_get_requests() -> None:
    def described(key: str, state: str, port: int = 443) -> dict[str, Any]:
        return {"Target": {"Id": key, "Port": port}, "TargetHealth": {"State": state}}

    health = [
        described("i-2", "unhealthy"), described("i-1", "healthy"), described("i-3", "draining"),
        described("i-4", "initial"), described("10.20.1.9", "initial", 8080),
    ]  # fmt: skip
    found = elb.targets(health, {"i-1": "10.20.1.4", "i-2": "10.20.1.5", "i-3": "10.20.1.6"})
    assert found == (
        Target("10.20.1.9", "10.20.1.9", 8080), Target("i-1", "10.20.1.4", 443), Target("i-2", "10.20.1.5", 443),
    )  # fmt: skip


def test_rules_go_by_priority_and_the_default_action_comes_last() -> None:
    def rule(priority: str, code: str) -> dict[str, Any]:
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code}}
        return {"Priority": priority, "IsDefault": priority == "default", "Conditions": [], "Actions": [action]}

    default = rule("default", "404")
    found = elb.rules({"DefaultActions": default["Actions"]}, [rule("20", "420"), rule("3", "403"), default])
    assert [it.action["FixedResponseConfig"]["StatusCode"] for it in found] == ["403", "420", "404"]


def api(calls: dict[str, Any]) -> Callable[[str], Any]:
    """Clients that answer with these documents, by operation."""

    class Client:
        def __getattr__(self, operation: str) -> Callable[..., Any]:
            return lambda **_: calls[operation]

    return lambda _: Client()


DOCUMENTS: dict[str, Any] = {
    "describe_load_balancers": {
        "LoadBalancers": [
            {
                "LoadBalancerArn": "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/slipway-dev/1",
                "LoadBalancerName": "slipway-dev", "VpcId": "vpc-1", "DNSName": "slipway-dev-1.elb.amazonaws.com",
                "AvailabilityZones": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}],
            }
        ]
    },
    "describe_network_interfaces": {
        "NetworkInterfaces": [
            {"Description": "ELB app/slipway-dev/1", "SubnetId": "subnet-2", "PrivateIpAddress": "10.20.2.9"},
            {"Description": "ELB app/slipway-dev/1", "SubnetId": "subnet-1", "PrivateIpAddress": "10.20.1.9"},
            {"Description": "", "SubnetId": "subnet-1", "PrivateIpAddress": "10.20.1.4"},
        ]
    },
    "describe_instances": {
        "Reservations": [
            {"Instances": [
                {"InstanceId": "i-1", "PrivateIpAddress": "10.20.1.4", "State": {"Name": "running"}},
                {"InstanceId": "i-2", "PrivateIpAddress": "10.20.1.5", "State": {"Name": "stopped"}},
            ]}
        ]
    },
    "describe_load_balancer_attributes": {"Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "25"}]},
    "describe_listeners": {
        "Listeners": [
            {"ListenerArn": "l", "Port": 443, "Protocol": "HTTPS", "Certificates": [{"CertificateArn": "a/default"}],
             "DefaultActions": [{"Type": "forward", "TargetGroupArn": "group-arn"}]},
        ]
    },
    "describe_listener_certificates": {
        "Certificates": [{"CertificateArn": "a/more"}, {"CertificateArn": "a/default", "IsDefault": True}]
    },
    "describe_rules": {"Rules": []},
    "describe_target_groups": {
        "TargetGroups": [
            {"TargetGroupArn": "group-arn", "TargetGroupName": "blue", "Protocol": "HTTPS",
             "LoadBalancerArns": ["arn:aws:elasticloadbalancing:r:1:loadbalancer/app/slipway-dev/1"],
             "HealthCheckProtocol": "HTTPS", "HealthCheckPort": "traffic-port", "HealthCheckPath": "/ready",
             "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 2,
             "UnhealthyThresholdCount": 2, "HealthCheckEnabled": True, "Matcher": {"HttpCode": "200"}},
        ]
    },
    "describe_target_group_attributes": {
        "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    },
    "describe_target_health": {
        "TargetHealthDescriptions": [
            {"Target": {"Id": it, "Port": 443}, "TargetHealth": {"State": "healthy"}} for it in ("i-1", "i-2")
        ]
    },
}  # fmt: skip


def files(arn: str) -> str:
    return f"{arn.rpartition('/')[2]}.pem"


def test_the_api_s_words_become_a_balancer() -> None:
    (found,) = elb.balancers(api(DOCUMENTS), files)
    check = Check("HTTPS", None, "/ready", 10, 5, 2, 2, "200")
    group = Group("group-arn", "blue", "HTTPS", check, 30, (Target("i-1", "10.20.1.4", 443),))
    forward = Rule((), {"Type": "forward", "TargetGroupArn": "group-arn"})
    listener = Listener(443, "HTTPS", ("default.pem", "more.pem"), (forward,))
    assert found == Balancer(
        "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/slipway-dev/1", "slipway-dev", "vpc-1", "10.20.1.9", 25,
        (listener,), {"group-arn": group},
    )  # fmt: skip


def test_a_balancer_without_an_address_is_not_played_yet() -> None:
    nothing: Iterable[Any] = []
    assert elb.balancers(api({**DOCUMENTS, "describe_network_interfaces": {"NetworkInterfaces": nothing}}), files) == []


def test_the_alias_of_the_service_leads_to_the_balancer() -> None:
    zones = (
        names.Zone(
            "example.com.", (names.Record("api.example.com.", "A", 60, (), "slipway-dev-1.elb.amazonaws.com."),)
        ),
        *elb.zones(api(DOCUMENTS)),
    )
    for asked in ("api.example.com", "Slipway-Dev-1.elb.amazonaws.com."):
        found = names.resolve(asked, "A", zones)
        assert found and [it.values for it in found.records] == [("10.20.1.9",)], asked
    found = names.resolve("slipway-dev-1.elb.amazonaws.com", "AAAA", zones)
    assert found and (found.records, found.code) == ((), "NOERROR")
