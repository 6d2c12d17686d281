"""The version that the inventory wanted at the last deploy. It is part of neither the release nor the state."""

from __future__ import annotations

import json

from ..documents.fields import Fields
from ..documents.timestamps import parse, rfc3339
from ..model.errors import Failure
from ..rollout.wanted import Wanted
from .files import read_text, remove_file, write_atomic
from .paths import Paths


def record(paths: Paths, service: str, version: str, by: str, now: float) -> None:
    """`version`: empty: the inventory names none. Raises OSError."""
    if not version:
        remove_file(paths.wanted(service))
        return
    doc = {"version": version, "at": rfc3339(now), "by": by}
    write_atomic(paths.wanted(service), json.dumps(doc) + "\n", 0o644)


def read(paths: Paths, service: str) -> Wanted | None:
    """None: no deploy has recorded it, or it cannot be read."""
    try:
        text = read_text(paths.wanted(service))
        if text is None:
            return None
        fields = Fields(json.loads(text), "wanted.json")
        return Wanted(fields.text("version"), parse(fields.text("at")), fields.text("by"))
    except (OSError, ValueError, Failure):
        return None
