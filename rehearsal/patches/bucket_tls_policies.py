"""A bucket's policy that refuses plain HTTP lets requests over TLS pass.

moto takes a statement whose condition is not met for a refusal, so that `Deny … aws:SecureTransport = false` denies
everything. The rehearsal serves its API over TLS only, so such a statement never applies.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
"""

from __future__ import annotations

import json
from typing import Any

from moto.s3 import models


def is_about_plain_http(statement: dict[str, Any]) -> bool:
    """Whether the statement applies to requests without TLS only."""
    value = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(value[0] if isinstance(value, list) and len(value) == 1 else value).lower() == "false"


def over_tls(policy: dict[str, Any]) -> dict[str, Any]:
    """What of the policy can apply to a request over TLS."""
    statements = policy.get("Statement", [])
    kept = [it for it in (statements if isinstance(statements, list) else [statements]) if not is_about_plain_http(it)]
    return {**policy, "Statement": kept}


def apply() -> None:
    from moto.iam.access_control import IAMPolicy, PermissionResult

    def permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(over_tls(json.loads(self.policy.decode())))).is_action_permitted(action, resource)

    models.FakeBucket.get_permission = permission
