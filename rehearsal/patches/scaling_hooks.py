"""A lifecycle hook is shown with the target and the role that it was made with, or without; moto shows an example's.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling import models, responses

ASKED = {"notification_target_arn": "NotificationTargetARN", "role_arn": "RoleARN"}


def apply() -> None:
    put, create = responses.AutoScalingResponse.put_lifecycle_hook, models.AutoScalingBackend.create_lifecycle_hook

    def create_without(self: Any, *args: Any, **kwargs: Any) -> Any:
        hook = create(self, *args, **kwargs)
        vars(hook).update(dict.fromkeys(ASKED))
        return hook

    def put_with(self: Any) -> Any:
        done = put(self)
        (hook,) = self.autoscaling_backend.describe_lifecycle_hooks(
            self._get_param("AutoScalingGroupName"), [self._get_param("LifecycleHookName")]
        )
        vars(hook).update({name: self._get_param(parameter) for name, parameter in ASKED.items()})
        return done

    models.AutoScalingBackend.create_lifecycle_hook = create_without
    responses.AutoScalingResponse.put_lifecycle_hook = put_with
