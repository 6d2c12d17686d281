"""The tags of a scalable target of Application Auto Scaling, which Terraform reads after it has registered the target.

moto has no such actions and answers 500, which the provider repeats for ten minutes.
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling import responses


def tags(response: Any, arn: str) -> dict[str, str]:
    kept: dict[str, dict[str, str]] = vars(response.applicationautoscaling_backend).setdefault("_tags", {})
    return kept.setdefault(arn, {})


def list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": tags(self, self._get_param("ResourceARN"))})


def tag_resource(self: Any) -> str:
    tags(self, self._get_param("ResourceARN")).update(self._get_param("Tags"))
    return "{}"


def untag_resource(self: Any) -> str:
    for key in self._get_param("TagKeys"):
        tags(self, self._get_param("ResourceARN")).pop(key, None)
    return "{}"


def apply() -> None:
    response = responses.ApplicationAutoScalingResponse
    register = response.register_scalable_target

    def register_with_tags(self: Any) -> str:
        made: str = register(self)
        tags(self, json.loads(made)["ScalableTargetARN"]).update(self._get_param("Tags") or {})
        return made

    response.register_scalable_target = register_with_tags
    response.list_tags_for_resource = list_tags_for_resource
    response.tag_resource, response.untag_resource = tag_resource, untag_resource
