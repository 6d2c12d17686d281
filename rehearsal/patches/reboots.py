"""A reboot leaves a trace, so that the instance's host can follow it.

RebootInstances changes nothing that moto shows. The time goes to the reason of the last transition, which AWS leaves
empty for a running instance.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from moto.ec2.models import instances


def apply() -> None:
    reboot = instances.Instance.reboot

    def rebooted(self: Any, *args: Any, **kwargs: Any) -> None:
        reboot(self, *args, **kwargs)
        self._reason = f"User initiated reboot ({datetime.now(timezone.utc).isoformat(timespec='milliseconds')})"

    instances.Instance.reboot = rebooted
