"""A scaling policy is enabled unless it was made otherwise, and predicts only if it was asked to.

moto never shows whether a policy is enabled, and shows an empty predictive configuration of every policy.
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ScalingPolicy.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling import responses


def apply() -> None:
    put = responses.AutoScalingResponse.put_scaling_policy

    def put_enabled(self: Any) -> Any:
        done = put(self)
        (policy,) = self.autoscaling_backend.describe_policies(
            autoscaling_group_name=self._get_param("AutoScalingGroupName"),
            policy_names=[self._get_param("PolicyName")],
            policy_types=[],
        )
        policy.enabled = self._get_bool_param("Enabled", True)
        policy.predictive_scaling_configuration = policy.predictive_scaling_configuration or None
        return done

    responses.AutoScalingResponse.put_scaling_policy = put_enabled
