"""Overload of the service in app/: four times what it can do, for a while."""

from __future__ import annotations


def overload(port: int, rows: list[list[float]], seconds: int, core: int) -> list[tuple[str, float, float, bool]]:
    raise NotImplementedError
