"""The rules of a bucket's replication as they were put; moto leaves out delete markers and what KMS encrypts."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.responses import S3Response

# Of AWS, where the request has none (PutBucketReplication).
DEFAULTS = {"DeleteMarkerReplication": {"Status": "Disabled"}, "Filter": {"Prefix": ""}}
KEYS = (
    "ID",
    "Priority",
    "Status",
    "DeleteMarkerReplication",
    "Filter",
    "Destination",
    "SourceSelectionCriteria",
    "ExistingObjectReplication",
)


def get_bucket_replication(self: Any) -> Any:
    self.data["Action"] = "GetBucketReplication"
    found = self.backend.get_bucket_replication(self.bucket_name)
    if not found:
        raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
    rules = [{**DEFAULTS, **{key: value for key, value in it.items() if value is not None}} for it in found["Rule"]]
    for rule in rules:
        # An empty prefix, of all objects, was read as nothing.
        rule["Filter"] = {"Prefix": rule["Filter"]["Prefix"] or ""} if "Prefix" in rule["Filter"] else rule["Filter"]
    known = [{key: it[key] for key in KEYS if key in it} for it in rules]
    return self.serialized(ActionResult({"ReplicationConfiguration": {"Role": found["Role"], "Rules": known}}))


def apply() -> None:
    S3Response.get_bucket_replication = get_bucket_replication
