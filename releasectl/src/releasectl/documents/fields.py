"""Reads typed fields out of a JSON object and names the key that is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..model.errors import Code, Failure

T = TypeVar("T")
CONVERGE = "Converge the host: ansible-playbook site.yml --limit HOST"
"""The hint for a file of settings that is missing or invalid."""


class Fields:
    """A JSON object being read. Every complaint says where: `request.options.memory: …`."""

    def __init__(self, doc: Any, where: str) -> None:
        self.where = where
        if not isinstance(doc, dict):
            raise Failure(Code.USAGE, f"{where}: expected a JSON object, got {kind(doc)}")
        self.doc: dict[str, Any] = doc

    def bad(self, key: str, problem: str) -> Failure:
        return Failure(Code.USAGE, f"{self.where}.{key}: {problem}")

    def only(self, *known: str) -> None:
        """Refuse keys that nobody reads: a misspelt setting must not pass as a default."""
        for key in self.doc:
            if key not in known:
                raise self.bad(key, f"unknown key; known here: {', '.join(known)}")

    def has(self, key: str) -> bool:
        return self.doc.get(key) is not None

    def _get(self, key: str, default: T | None, read: Callable[[Any], T | None], wanted: str) -> T:
        value = self.doc.get(key)
        if value is None:
            if default is None:
                raise self.bad(key, f"missing; expected {wanted}")
            return default
        result = read(value)
        if result is None:
            raise self.bad(key, f"expected {wanted}, got {shown(value)}")
        return result

    def text(self, key: str, default: str | None = None, pattern: str | None = None, wanted: str = "") -> str:
        def read(value: Any) -> str | None:
            good = isinstance(value, str) and (pattern is None or re.fullmatch(pattern, value))
            return value if good else None

        return self._get(key, default, read, wanted or "a string")

    def maybe_text(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def whole(self, key: str, default: int | None = None, low: int = 0, high: int = 2**31) -> int:
        def read(value: Any) -> int | None:
            return value if type(value) is int and low <= value <= high else None

        return self._get(key, default, read, f"a whole number from {low} to {high}")

    def number(self, key: str, default: float | None = None, low: float = 0) -> float:
        def read(value: Any) -> float | None:
            good = type(value) in (int, float) and math.isfinite(value) and value >= low
            return value if good else None

        return self._get(key, default, read, f"a number, at least {low:g}")

    def flag(self, key: str, default: bool = False) -> bool:
        return self._get(key, default, lambda value: value if type(value) is bool else None, "true or false")

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        def read(value: Any) -> tuple[str, ...] | None:
            return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None

        return self._get(key, default, read, "a list of strings")

    def items(self, key: str) -> list[Any]:
        return self._get(key, [], lambda value: value if isinstance(value, list) else None, "a list")

    def mapping(self, key: str) -> Mapping[str, Any]:
        return self._get(key, {}, lambda value: value if isinstance(value, dict) else None, "a JSON object")

    def child(self, key: str) -> Fields:
        return Fields(self.doc.get(key), f"{self.where}.{key}")


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true/false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")


def shown(value: Any) -> str:
    """The value for a message: short, and never a whole document."""
    if isinstance(value, (dict, list)):
        return kind(value)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
