#!/usr/bin/env python3
"""aws_stand_in.py -p PORT: moto_server, and what it lacks for Terraform, tags of targets of Application Auto Scaling.

Terraform reads the tags of a scalable target after it has registered it. moto has no such action and answers 500, which
the provider repeats for ten minutes. https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ListTagsForResource.html
"""

from __future__ import annotations

import sys
from typing import Any

from moto import server  # type: ignore[import-not-found,unused-ignore]
from moto.applicationautoscaling import responses  # type: ignore[import-not-found,unused-ignore]


def list_tags_for_resource(self: Any) -> str:
    return '{"Tags": {}}'


if __name__ == "__main__":
    responses.ApplicationAutoScalingResponse.list_tags_for_resource = list_tags_for_resource
    server.main(sys.argv[1:])
