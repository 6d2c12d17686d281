"""A launch template's own tags are not among the tags that it gives its instances and volumes.

CreateLaunchTemplate takes both; moto shows the first kind in the template's data, too.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import launch_templates


def apply() -> None:
    create = launch_templates.LaunchTemplateBackend.create_launch_template

    def create_without(self: Any, name: str, description: str, data: dict[str, Any], tags: dict[str, Any]) -> Any:
        if given := data.get("TagSpecifications"):
            kept = [it for it in given if it["ResourceType"] != "launch-template"]
            data = {key: value for key, value in data.items() if key != "TagSpecifications"}
            data |= {"TagSpecifications": kept} if kept else {}
        return create(self, name, description, data, tags)

    launch_templates.LaunchTemplateBackend.create_launch_template = create_without
