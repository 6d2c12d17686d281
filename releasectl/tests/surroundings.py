"""A host with a public name, and what the status finds around its service."""

from __future__ import annotations

from typing import Any

from releasectl.commands.around import Around
from releasectl.rollout.model_store import ModelStore
from releasectl.rollout.surroundings import Surroundings
from releasectl.startup.http_client import Reply

DOOR: dict[str, Any] = {"front_door": {"name": "api.example.com", "ca": None}, "host": "web-1"}
REFUSED = Reply(0, "no answer ([Errno 111] Connection refused)")


class Seen(Around):
    def __init__(self, **found: Any) -> None:
        self.found = Surroundings(**found)

    def read(self, image: str | None, store: ModelStore | None) -> Surroundings:
        return self.found
