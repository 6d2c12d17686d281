"""Does an answer carry what a golden request expects? JSON subset match with a tolerance for numbers."""

from __future__ import annotations

import json
from typing import Any


def mismatch(expect: Any, got: Any, tolerance: float, where: str = "answer") -> str | None:
    """
    The first difference in words, or None when `got` carries `expect`. Objects: every expected key; lists: the same
    length; numbers: |expected − got| ≤ tolerance; everything else: equal.
    """
    if isinstance(expect, dict):
        if not isinstance(got, dict):
            return f"{where}: expected an object, got {brief(got)}"
        for key, value in expect.items():
            if key not in got:
                return f"{where}.{key}: missing"
            found = mismatch(value, got[key], tolerance, f"{where}.{key}")
            if found:
                return found
        return None
    if isinstance(expect, list):
        if not isinstance(got, list) or len(expect) != len(got):
            return f"{where}: expected a list of {len(expect)}, got {_length(got)}"
        pairs = (mismatch(a, b, tolerance, f"{where}[{n}]") for n, (a, b) in enumerate(zip(expect, got, strict=True)))
        return next((found for found in pairs if found), None)
    if _is_number(expect) and _is_number(got):
        if abs(expect - got) <= tolerance:
            return None
        within = f" ± {tolerance:g}" if tolerance else ""
        return f"{where}: expected {brief(expect)}{within}, got {brief(got)}"
    if type(expect) is type(got) and expect == got:
        return None
    return f"{where}: expected {brief(expect)}, got {brief(got)}"


def brief(value: Any) -> str:
    """Short JSON for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"


def _is_number(value: Any) -> bool:
    # bool is an int to Python; it is none to a model's contract.
    return type(value) in (int, float)


def _length(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else brief(value)
