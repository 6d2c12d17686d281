"""
The headers of the engine's requests. To a slot they are those of a client's request that HAProxy passes on (Host and
X-Forwarded-*: roles/edge/templates/etc/haproxy/haproxy.cfg), so that a service which allows certain hosts only, or
redirects to HTTPS, answers a gate as it answers a client. There is no X-Forwarded-For, because there is no client.
The headers that the release's gates ask for come on top.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import Code, Failure
from ..model.model import EDGE_OWNED, Config, Release
from ..rollout.gates import headers_of
from ..startup.http_client import overlaid
from .store import Store


class RequestHeaders:
    """Headers by slot. What a release's gates ask for is read once: a release is immutable."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        self._gates: dict[int, dict[str, str]] = {}

    def to_slot(self, slot: str) -> dict[str, str]:
        """Raises Failure when the secrets of the release in the slot cannot be read."""
        return overlaid(self._forwarded(), self._of_gates(slot))

    def to_front_door(self) -> dict[str, str]:
        """Those of the live release's gates, but what HAProxy sets. Raises Failure."""
        live = self.store.read().map_slot
        own = self._of_gates(live) if live and live in self.config.slots else {}
        return {name: value for name, value in own.items() if name.lower() not in EDGE_OWNED}

    def _forwarded(self) -> dict[str, str]:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}
        if self.config.front_door is None:
            return headers
        host = self.config.front_door.host
        return {**headers, "Host": host, "X-Forwarded-Host": host}

    def _of_gates(self, slot: str) -> dict[str, str]:
        number = self.store.linked(slot)
        if number is None:
            return {}
        if number not in self._gates:
            release = self.store.release(number)
            headers = release.gates.headers if isinstance(release, Release) else ()
            self._gates[number] = headers_of(headers, self._secrets(number) if any(it.secret for it in headers) else {})
        return self._gates[number]

    def _secrets(self, number: int) -> Mapping[str, str]:
        try:
            return self.store.settings(number).secrets
        except OSError as error:
            raise Failure(
                Code.PREFLIGHT, f"the secrets of release {number} cannot be read: {error.strerror}"
            ) from error
