"""Removes secrets from messages and log lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

Redact = Callable[[str], str]


def redactor(secrets: Iterable[str]) -> Redact:
    """Text without any of these values."""
    # Shorter ones would blot out half of every message, and are no secrets.
    hidden = sorted({form for it in secrets if len(it) >= 4 for form in _forms(it)}, key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in hidden:
            text = text.replace(secret, "•••")
        return text

    return redact


def _forms(secret: str) -> tuple[str, ...]:
    """A secret as itself and as JSON writes it."""
    return secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
