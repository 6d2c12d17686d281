"""The policies of each account and region."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import JsonRESTError


class NotFound(JsonRESTError):  # type: ignore[misc]  # moto has an environment of its own
    code = 404

    def __init__(self, what: str) -> None:
        super().__init__("ResourceNotFoundException", f"{what} does not exist.")


class DLMBackend(BaseBackend):  # type: ignore[misc]
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.policies: dict[str, dict[str, Any]] = {}

    def create(self, asked: dict[str, Any]) -> str:
        key, now = f"policy-{uuid.uuid4().hex[:17]}", datetime.now(UTC).isoformat()
        arn = f"arn:aws:dlm:{self.region_name}:{self.account_id}:policy/{key}"
        known = {
            "PolicyId": key,
            "PolicyArn": arn,
            "DateCreated": now,
            "DateModified": now,
            "StatusMessage": asked["State"],
        }
        self.policies[key] = {"Tags": {}, **asked, **known}
        return key

    def get(self, key: str) -> dict[str, Any]:
        if key not in self.policies:
            raise NotFound(f"Policy with id {key}")
        return self.policies[key]

    def by_arn(self, arn: str) -> dict[str, Any]:
        return self.get(arn.rpartition("/")[2])


dlm_backends = BackendDict(DLMBackend, "dlm")
