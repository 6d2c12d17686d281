"""API keys: the settings have only their SHA-256, and two are valid at once so that clients can change over."""

import hashlib
import hmac

from .errors import ApiError

MAX_KEYS = 2


class ApiKeys:
    """hashes: hex SHA-256 of each valid key. Keys are random and long, so a slow hash would protect nothing."""

    def __init__(self, hashes: list[str]) -> None:
        self._hashes = [bytes.fromhex(text) for text in hashes]
        self._valid: bytes | None = None

    def check(self, key: bytes | None) -> None:
        """Raises ApiError 401. Takes the same time whichever key is wrong, and wherever."""
        # Clients send the same key again and again, and comparing it with the last valid one costs less than its hash.
        if key and self._valid and hmac.compare_digest(key, self._valid):
            return
        digest = hashlib.sha256(key or b"").digest()
        # Not `any`, which ends at the first: all are compared.
        if not sum(hmac.compare_digest(digest, known) for known in self._hashes):
            what = "is not valid" if key else "is missing"
            raise ApiError(401, "unauthorized", f"The API key in the header X-Api-Key {what}")
        self._valid = key
