"""A command of Run Command goes to the instances that it names.

moto adds those that fit the targets, and every instance fits no target at all.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

from __future__ import annotations

from typing import Any

from moto.ssm import models


def apply() -> None:
    found = models.Command._get_instance_ids_from_targets

    def of_targets(self: Any) -> Any:
        return found(self) if self.targets else []

    models.Command._get_instance_ids_from_targets = of_targets
