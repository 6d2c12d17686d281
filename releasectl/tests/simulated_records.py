"""The records of a simulated host."""

from __future__ import annotations

import json
from collections.abc import Mapping

from releasectl.documents import codec
from releasectl.model.errors import Failure
from releasectl.model.journal import Entry, Intent, Journal, Mark
from releasectl.model.model import NO_SLOT, Release, Settings, Split, State
from releasectl.rollout.ports import History, RecordSnapshot, Unreadable

from .simulated_host import read_entry, read_journal, read_release, read_state
from .simulated_ports import Port
from .traffic import WHOLE


class SimulatedRecords(Port):
    def read(self) -> RecordSnapshot:
        host = self.world

        def read() -> RecordSnapshot:
            state: State | Unreadable | None = None
            try:
                state = None if host.state is None else read_state(host.state)
            except (ValueError, Failure) as error:
                state = Unreadable(str(error))
            journal = read_journal(host.journal) if host.journal is not None else None
            return RecordSnapshot(state, journal, dict(host.links), host.map_file, host.map_split[1], host.map_standby)

        return self.simulation.call("read_records", read)

    def history(self) -> History:
        return self.simulation.call(
            "read_history", lambda: History(tuple(read_entry(line) for line in self.world.history))
        )

    def append_history(self, entry: Entry) -> None:
        self.simulation.set("append_history", history=(*self.world.history, json.dumps(codec.entry_doc(entry))))

    def save_state(self, state: State) -> None:
        self.simulation.set("save_state", state=json.dumps(codec.state_doc(state)))

    def begin_journal(self, intent: Intent) -> None:
        left = read_journal(self.world.journal) if self.world.journal else None
        ended = {read_entry(line).txn for line in self.world.history}
        assert not isinstance(left, Journal) or left.intent.txn in ended, "a transaction began over an unresolved one"
        self.simulation.set("begin_journal", journal=(json.dumps(codec.intent_doc(intent)),))

    def append_journal(self, mark: Mark) -> None:
        assert self.world.journal is not None
        line = json.dumps(codec.mark_doc(mark))
        self.simulation.set("append_journal", journal=(*self.world.journal, line))

    def clear_journal(self) -> None:
        self.simulation.set("clear_journal", journal=None)

    def set_aside_journal(self) -> str:
        self.simulation.set("set_aside_journal", journal=None, aside=self.world.aside + 1)
        return "journal.unreadable"

    def releases(self) -> Mapping[int, Release | Unreadable]:
        host = self.world
        return self.simulation.call(
            "read_releases", lambda: {n: read_release(text) for n, (text, _) in host.releases.items()}
        )

    def settings(self, release: int) -> Settings:
        return self.simulation.call("read_settings", lambda: self.world.releases[release][1])

    def write_release(self, release: Release, settings: Settings) -> None:
        record = (json.dumps(codec.release_doc(release)), settings)
        self.simulation.call(
            "write_release", lambda: self.world.releases.update({release.ref.id: record}), self.simulation.litter
        )

    def remove_release(self, release: int) -> None:
        def midway() -> None:
            if self.world.releases.pop(release, None):
                self.simulation.litter()

        self.simulation.call("remove_release", lambda: self.world.releases.pop(release, None), midway)

    def link(self, slot: str, release: int) -> None:
        self.simulation.call("link_slot", lambda: self.world.links.update({slot: release}))

    def unlink(self, slot: str) -> None:
        self.simulation.call("unlink_slot", lambda: self.world.links.pop(slot, None))

    def write_map(self, slot: str, standby: str = NO_SLOT) -> None:
        self.simulation.set("write_map", map_file=slot, map_split=WHOLE, map_standby=standby)

    def write_split(self, split: Split) -> None:
        self.simulation.set("write_split", map_file=split.live, map_split=(split.canary, split.percent),
                  map_standby=split.standby)  # fmt: skip

    def sweep(self) -> None:
        self.simulation.set("sweep", litter=frozenset())
