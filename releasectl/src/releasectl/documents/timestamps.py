"""Times as people and machines read them. Pure: the caller brings the clock's value."""

from __future__ import annotations

from datetime import datetime, timezone


def rfc3339(epoch_s: float) -> str:
    """UTC with milliseconds, e.g. `2026-01-31T04:05:06.789Z`."""
    return datetime.fromtimestamp(epoch_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def parse(text: str) -> float:
    """Inverse of rfc3339. Raises ValueError."""
    # Not strptime: its import costs more than a whole status. 3.10's fromisoformat does not know "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def age(seconds: float) -> str:
    """`8s`, `3m`, `2h`, `5d`: as precise as a tired person needs."""
    seconds = max(0.0, seconds)
    for unit, size, limit in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172800)):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 86400)}d"
