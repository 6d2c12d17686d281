"""A load balancer as the AWS API describes it, in the words of rehearsal/haproxy.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rehearsal.haproxy import Balancer, Check, Group, Listener, Rule, Target

CHECK = Check("HTTPS", None, "/ready", 10, 5, 2, 3, "200")
BLUE = Group("blue-arn", "blue", "HTTPS", CHECK, 30, (Target("i-1", "10.20.1.4", 443), Target("i-2", "10.20.1.5", 443)))
GREEN = Group("green-arn", "green", "HTTPS", CHECK, 60, ())


def forward(**weights: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": f"{name}-arn", "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


REDIRECT = {
    "Type": "redirect",
    "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
        "StatusCode": "HTTP_301",
    },
}  # fmt: skip
GONE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "MessageBody": 'it\'s 100% "gone" #1'}}


def balancer(*rules: Rule, port: int = 443, secure: bool = True, groups: tuple[Group, ...] = (BLUE, GREEN)) -> Balancer:
    listener = Listener(port, "HTTPS", ("first.pem", "second.pem"), rules)
    if not secure:
        listener = replace(listener, protocol="HTTP", certificates=())
    return Balancer("arn", "slipway-dev", "vpc-1", "10.20.0.9", 60, (listener,), {g.arn: g for g in groups})
