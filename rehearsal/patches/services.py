"""A service of ECS is shown with what it was made with: capacity providers, ECS Exec, managed tags, grace period.

moto keeps none of it, and gives a service with capacity providers a launch type, which excludes them.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

from __future__ import annotations

from typing import Any

from moto.ecs import responses

# Attribute → parameter and the default of AWS.
KEPT = {
    "availability_zone_rebalancing": ("availabilityZoneRebalancing", "DISABLED"),
    "capacity_provider_strategy": ("capacityProviderStrategy", None),
    "enable_ecs_managed_tags": ("enableECSManagedTags", False),
    "enable_execute_command": ("enableExecuteCommand", False),
    "health_check_grace_period_seconds": ("healthCheckGracePeriodSeconds", None),
}


def apply() -> None:
    create = responses.EC2ContainerServiceResponse.create_service

    def create_with(self: Any) -> Any:
        done = create(self)
        cluster, name = self._get_param("cluster", "default"), self._get_param("serviceName")
        (service,), _ = self.ecs_backend.describe_services(cluster, [name])
        for attribute, (parameter, default) in KEPT.items():
            setattr(service, attribute, self._get_param(parameter, default))
        if service.capacity_provider_strategy:
            service.launch_type = None
        return done

    responses.EC2ContainerServiceResponse.create_service = create_with
