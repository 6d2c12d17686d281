"""The records of a release that is live, and of a transaction."""

from __future__ import annotations

from releasectl.model.journal import Entry, Intent, Mark
from releasectl.model.model import Gates, Live, Options, Ref, Release, Settings, State

from .scenarios import SECRET

REF = Ref(1, "v1.0.0", "registry.example/inference@sha256:" + "0" * 64, "m-1")
STATE = State(Live(REF, "blue", 5.0, "deploy"))
RELEASE = Release(REF, Options(), Gates(), ("LOG_LEVEL",), ("TOKEN",), "alice", "why", 5.0)
SETTINGS = Settings({"LOG_LEVEL": "info # not a comment"}, {"TOKEN": SECRET})
INTENT = Intent("t1", "deploy", REF, "blue", True, False, State(), "alice", "why", 5.0)
BEFORE, AFTER = Mark(6.0, "start", "LinkSlot", "before"), Mark(7.0, "start", "LinkSlot", "after")
ENTRY = Entry("t1", "deploy", "live", REF, "blue", None, "alice", "grün", 5.0, 9.0, (("pull", 0.5),))
