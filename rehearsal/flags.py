"""Files inside the played services that switch a fault on. rehearsal/faults.py makes and removes them."""

from __future__ import annotations

import os
from pathlib import Path

_DIRECTORY = Path(os.environ.get("REHEARSAL_FLAGS", "/run"))
THROTTLED = _DIRECTORY / "throttled"  # of the AWS API
UNDELEGATED = _DIRECTORY / "undelegated"  # of the VPC
TARGET_HEALTH = _DIRECTORY / "target-health.json"  # of the AWS API: what the health checks see
