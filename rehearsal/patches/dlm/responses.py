"""The API, as its model in botocore has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.core.responses import BaseResponse

from .models import DLMBackend, dlm_backends

SUMMARY = ("PolicyId", "Description", "State", "Tags")


class DLMResponse(BaseResponse):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(service_name="dlm")

    @property
    def backend(self) -> DLMBackend:
        found: DLMBackend = dlm_backends[self.current_account][self.region]
        return found

    @property
    def policy(self) -> dict[str, Any]:
        """The one in the path: /policies/ID/."""
        return self.backend.get(self.path.split("/")[2])

    @property
    def tagged(self) -> dict[str, str]:
        """The tags of the one in the path: /tags/ARN."""
        tags: dict[str, str] = self.backend.by_arn(unquote(self.path.partition("/tags/")[2]).rstrip("/"))["Tags"]
        return tags

    def create_lifecycle_policy(self) -> str:
        return json.dumps({"PolicyId": self.backend.create(json.loads(self.body))})

    def get_lifecycle_policy(self) -> str:
        return json.dumps({"Policy": self.policy})

    def get_lifecycle_policies(self) -> str:
        found = [{key: it[key] for key in SUMMARY if key in it} for it in self.backend.policies.values()]
        return json.dumps({"Policies": found})

    def update_lifecycle_policy(self) -> str:
        self.policy.update({**json.loads(self.body), "DateModified": datetime.now(UTC).isoformat()})
        return "{}"

    def delete_lifecycle_policy(self) -> str:
        del self.backend.policies[self.policy["PolicyId"]]
        return "{}"

    def list_tags_for_resource(self) -> str:
        return json.dumps({"Tags": self.tagged})

    def tag_resource(self) -> str:
        self.tagged.update(json.loads(self.body)["Tags"])
        return "{}"

    def untag_resource(self) -> str:
        for key in self.querystring["tagKeys"]:
            self.tagged.pop(key, None)
        return "{}"
