"""An instance is protected against termination as RunInstances asked for it; moto reads that only in changes."""

from __future__ import annotations

from typing import Any

from moto.ec2.responses.instances import InstanceResponse


def apply() -> None:
    run = InstanceResponse.run_instances

    def run_instances(self: Any) -> Any:
        answer = run(self)
        for instance in answer.result.instances:
            instance.disable_api_termination = bool(self._get_param("DisableApiTermination"))
        return answer

    InstanceResponse.run_instances = run_instances
