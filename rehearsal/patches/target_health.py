"""DescribeTargetHealth says what the health checks see; moto takes every registered target for healthy.

The checks are made by the HAProxy that plays the load balancer. What it sees comes in a file (rehearsal/balancer.py):
target group → target → state, reason and description. A target of which nothing is known yet is `initial`, or `unused`
where no listener uses its group. Without the file moto's own answer stands.
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.elbv2 import models

from ..flags import TARGET_HEALTH

UNKNOWN = {
    "state": "initial",
    "reason": "Elb.RegistrationInProgress",
    "description": "Target registration is in progress",
}
UNUSED = {
    "state": "unused",
    "reason": "Target.NotInUse",
    "description": "Target group is not configured to receive traffic from the load balancer",
}


def seen(group: Any, target: str) -> dict[str, str] | None:
    if not TARGET_HEALTH.exists():
        return None
    known: dict[str, dict[str, dict[str, str]]] = json.loads(TARGET_HEALTH.read_text())
    return known.get(group.arn, {}).get(target, UNKNOWN if group.load_balancer_arns else UNUSED)


def apply() -> None:
    assume = models.FakeTargetGroup.health_for

    def health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        found = assume(self, target, ec2_backend)
        if found.status == "healthy" and (health := seen(self, target["Id"])) is not None:
            found.status, found.reason, found.description = (
                health.get(it) or None for it in ("state", "reason", "description")
            )
        return found

    models.FakeTargetGroup.health_for = health_for
