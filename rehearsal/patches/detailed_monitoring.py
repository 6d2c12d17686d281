"""MonitorInstances and UnmonitorInstances, which moto does not have: Terraform asks for detailed monitoring by them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.monitoring import Monitoring


def apply() -> None:
    def answer(self: Any, state: str) -> Any:
        found = [self.ec2_backend.get_instance(id) for id in self._get_param("InstanceIds", [])]
        for instance in found:
            instance.monitoring_state = state
        return ActionResult({
            "InstanceMonitorings": [{"InstanceId": it.id, "Monitoring": {"State": state}} for it in found]
        })  # fmt: skip

    Monitoring.monitor_instances = lambda self: answer(self, "enabled")
    Monitoring.unmonitor_instances = lambda self: answer(self, "disabled")
