"""An Auto Scaling group is shown as it was made, and its instances are what its launch template says.

moto forgets the mixed instances policy with every update that does not repeat it, and keeps no default warm-up. Its
instances lack the template's instance profile, metadata options and monitoring. Of a group that mixes on demand and
Spot it starts fewer than wanted, since it cuts the fractions of both off. An instance that it takes away stays in its
target groups.
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling import models, responses
from moto.ec2.models.instances import MetadataOptions


def follow_template(instance: Any, template: dict[str, Any], ec2: Any) -> None:
    """What RunInstances takes from a launch template."""
    profile = template.get("IamInstanceProfile", {})
    if profile:
        ec2.associate_iam_instance_profile(
            instance_id=instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )
    if "MetadataOptions" in template:
        instance.metadata_options = MetadataOptions(template["MetadataOptions"])
    if str(template.get("Monitoring", {}).get("Enabled", "")).lower() == "true":
        instance.monitoring_state = "enabled"


def apply() -> None:
    group = models.FakeAutoScalingGroup
    update, launch = group.update, group.replace_autoscaling_group_instances
    set_capacity = group.set_desired_capacity

    def update_and_keep(self: Any, *args: Any, **kwargs: Any) -> None:
        before = self.mixed_instances_policy
        update(self, *args, **kwargs)
        # Another kind of launch replaces the policy; none leaves it.
        if not any(kwargs.get(it) for it in ("mixed_instances_policy", "launch_template", "launch_config_name")):
            self.mixed_instances_policy = before

    def launch_by_template(self: Any, *args: Any, **kwargs: Any) -> None:
        before = {it.instance.id for it in self.instance_states}
        launch(self, *args, **kwargs)
        if self.ec2_launch_template is None:
            return
        template = self.ec2_launch_template.get_version(self.launch_template_version).data
        for state in self.instance_states:
            if state.instance.id not in before:
                follow_template(state.instance, template, self.ec2_backend)

    def scale(self: Any, new_capacity: int | None) -> None:
        policy, before = self.mixed_instances_policy, {it.instance.id for it in self.instance_states}
        if not any("WeightedCapacity" in it for it in (policy or {}).get("LaunchTemplate", {}).get("Overrides", [])):
            # Each instance counts one, whichever way it is bought.
            self.mixed_instances_policy = None
        try:
            set_capacity(self, new_capacity)
        finally:
            self.mixed_instances_policy = policy
        gone = before - {it.instance.id for it in self.instance_states}
        self.autoscaling_backend.elbv2_backend.notify_terminate_instances(list(gone))

    group.update, group.replace_autoscaling_group_instances = update_and_keep, launch_by_template
    group.set_desired_capacity = scale

    def with_warmup(action: Any) -> Any:
        def act(self: Any) -> Any:
            done = action(self)
            warmup = self._get_int_param("DefaultInstanceWarmup")
            if warmup is not None:
                groups = self.autoscaling_backend.autoscaling_groups
                # Left out by a number below zero, as AWS documents.
                groups[self._get_param("AutoScalingGroupName")].default_instance_warmup = (
                    warmup if warmup >= 0 else None
                )
            return done

        return act

    response = responses.AutoScalingResponse
    response.create_auto_scaling_group = with_warmup(response.create_auto_scaling_group)
    response.update_auto_scaling_group = with_warmup(response.update_auto_scaling_group)
