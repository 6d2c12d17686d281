"""The CPU credits of an instance are those that RunInstances asked for; moto says "standard" of each."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse


def usual(instance_type: str) -> str:
    """Of an instance that asks for none ("Burstable performance instances" of the EC2 user guide)."""
    return "standard" if instance_type.startswith("t2.") else "unlimited"


def apply() -> None:
    run = InstanceResponse.run_instances

    def run_instances(self: Any) -> Any:
        answer = run(self)
        for instance in answer.result.instances:
            asked = self._get_param("CreditSpecification.CpuCredits")
            instance.cpu_credits = asked or usual(instance.instance_type)
        return answer

    def describe(self: Any) -> Any:
        found = self.ec2_backend.describe_instance_credit_specifications(self._get_param("InstanceIds", []))
        credits = [{"InstanceId": it.id, "CpuCredits": getattr(it, "cpu_credits", "standard")} for it in found]
        return ActionResult({"InstanceCreditSpecifications": credits})

    InstanceResponse.run_instances = run_instances
    InstanceResponse.describe_instance_credit_specifications = describe
