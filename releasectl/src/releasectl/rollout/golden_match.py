"""Does an answer carry what a golden request expects? JSON subset match with a tolerance for numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Show = Callable[[Any], str]


def brief(value: Any, redact: Callable[[str], str] = str) -> str:
    """Short JSON for a message. Redacted before it is cut: half a secret is one, too."""
    text = redact(json.dumps(value, ensure_ascii=False)).encode("utf-8", "replace").decode()
    return text if len(text) <= 80 else text[:77] + "…"


def mismatch(expect: Any, got: Any, tolerance: float, where: str = "answer", show: Show = brief) -> str | None:
    """
    The first difference in words, or None when `got` carries `expect`. Objects: every expected key; lists: the same
    length; numbers: |expected − got| ≤ tolerance; everything else: equal.
    """
    if isinstance(expect, dict):
        if not isinstance(got, dict):
            return f"{where}: expected an object, got {show(got)}"
        for key, value in expect.items():
            if key not in got:
                return f"{where}.{key}: missing"
            found = mismatch(value, got[key], tolerance, f"{where}.{key}", show)
            if found:
                return found
        return None
    if isinstance(expect, list):
        if not isinstance(got, list) or len(expect) != len(got):
            return f"{where}: expected a list of {len(expect)}, got {_length(got, show)}"
        for n, (a, b) in enumerate(zip(expect, got, strict=True)):
            found = mismatch(a, b, tolerance, f"{where}[{n}]", show)
            if found:
                return found
        return None
    if _is_number(expect) and _is_number(got):
        if _near(expect, got, tolerance):
            return None
        within = f" ± {tolerance:g}" if tolerance else ""
        return f"{where}: expected {show(expect)}{within}, got {show(got)}"
    if type(expect) is type(got) and expect == got:
        return None
    return f"{where}: expected {show(expect)}, got {show(got)}"


def _is_number(value: Any) -> bool:
    # bool is an int to Python; it is none to a model's contract.
    return type(value) in (int, float)


def _near(expect: float, got: float, tolerance: float) -> bool:
    try:
        return abs(expect - got) <= tolerance
    except OverflowError:
        # An integer that no float can hold.
        return False


def _length(value: Any, show: Show) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else show(value)
