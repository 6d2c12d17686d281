"""A bucket's policy that lets S3 write its access logs, read as AWS reads it.

moto compares the resource with the exact prefix of the logs, and stops with an error when another statement of the
policy names everybody ("Principal": "*"). AWS matches the resource as a pattern, and takes any kind of principal.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from moto.s3 import models

SERVICE = "logging.s3.amazonaws.com"


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def lets_logs_in(policy: dict[str, Any], target: str) -> bool:
    """Whether a statement lets the service write the object `target` (an ARN)."""
    for statement in many(policy.get("Statement", [])):
        principal = statement.get("Principal", {})
        services = many(principal.get("Service", [])) if isinstance(principal, dict) else []
        if (
            statement.get("Effect") == "Allow"
            and SERVICE in services
            and any(fnmatchcase("s3:PutObject", action) for action in many(statement.get("Action", [])))
            and any(fnmatchcase(target, resource) for resource in many(statement.get("Resource", [])))
        ):
            return True
    return False


def apply() -> None:
    def enabled(target_bucket: Any, target_prefix: str | None) -> bool:
        if not target_bucket.policy:
            return False
        target = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}log"
        return lets_logs_in(json.loads(target_bucket.policy.decode()), target)

    models.FakeBucket._log_permissions_enabled_policy = staticmethod(enabled)
