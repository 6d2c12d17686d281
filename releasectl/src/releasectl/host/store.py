"""The records of a service under /var/lib/slipway/<service>."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping

from ..documents import codec
from ..documents.request import env_file, read_env_file
from ..model.errors import Failure
from ..model.journal import Entry, Intent, Journal, Mark
from ..model.model import NO_SLOT, Config, Release, Settings, Split, State
from ..rollout.ports import History, RecordSnapshot, Unreadable
from . import files
from .paths import Paths

UNREADABLE = (ValueError, OSError, Failure)


class Store:
    """One file per method. Reading tells missing (None) from unreadable (Unreadable): unknown is not empty."""

    def __init__(self, paths: Paths, config: Config) -> None:
        self.paths = paths
        self.config = config
        self.home = paths.home(config.service)
        self.state_path = os.path.join(self.home, "state.json")
        self.journal_path = os.path.join(self.home, "journal")
        self.history_path = os.path.join(self.home, "history.jsonl")
        self.map_path = paths.at(config.live_map)
        self.reserve = files.Reserve(os.path.join(self.home, "reserve"))

    def prepare(self) -> None:
        """The directories, and the disk's reserve."""

        def make() -> None:
            for path in (self.home, self.paths.releases(self.config.service), self.paths.slots(self.config.service)):
                os.makedirs(path, mode=0o755, exist_ok=True)
            self.reserve.fill()

        self.reserve.guard(self.home, make)

    def sweep(self) -> None:
        for directory in (self.home, self.paths.releases(self.config.service), self.paths.slots(self.config.service),
                          os.path.dirname(self.map_path)):  # fmt: skip
            files.sweep(directory)

    def read(self) -> RecordSnapshot:
        slot, percent, standby = self._map()
        return RecordSnapshot(self._state(), self._journal(), self._links(), slot, percent, standby)

    def _state(self) -> State | Unreadable | None:
        try:
            text = files.read_text(self.state_path)
            return None if text is None else codec.read_state(json.loads(text))
        except UNREADABLE as error:
            return Unreadable(str(error))

    def save_state(self, state: State) -> None:
        text = json.dumps(codec.state_doc(state), indent=1) + "\n"
        self.reserve.guard("state.json", lambda: files.write_atomic(self.state_path, text, 0o644))

    def _journal(self) -> Journal | Unreadable | None:
        try:
            text = files.read_text(self.journal_path)
            if text is None:
                return None
            # A line without its end is the write that a crash cut short: its effect had not begun.
            lines = text.split("\n")[:-1]
            if not lines:
                return None
            intent = codec.read_intent(json.loads(lines[0]))
            return Journal(intent, tuple(codec.read_mark(json.loads(line)) for line in lines[1:]))
        except UNREADABLE as error:
            return Unreadable(str(error))

    def begin_journal(self, intent: Intent) -> None:
        text = json.dumps(codec.intent_doc(intent)) + "\n"
        self.reserve.guard("the journal", lambda: files.write_atomic(self.journal_path, text, 0o644))

    def append_journal(self, mark: Mark) -> None:
        line = json.dumps(codec.mark_doc(mark))
        # Only what is about to happen has to survive a power cut; what happened is seen on the host itself.
        sync = mark.mark != "after"
        # A torn line is an effect that had not begun; left in the middle it would make the journal unreadable.
        self.reserve.guard("the journal", lambda: files.append_line(self.journal_path, line, 0o644, sync, cut=True))

    def clear_journal(self) -> None:
        files.remove_file(self.journal_path)

    def set_aside_journal(self) -> str:
        name = f"journal.unreadable-{int(time.time())}"
        os.replace(self.journal_path, os.path.join(self.home, name))
        files.sync_dir(self.home)
        return name

    def history(self) -> History:
        entries: list[Entry] = []
        unreadable = 0
        for line in (files.read_text(self.history_path) or "").split("\n"):
            if not line.strip():
                continue
            try:
                entries.append(codec.read_entry(json.loads(line)))
            except UNREADABLE:
                unreadable += 1
        return History(tuple(entries), unreadable)

    def append_history(self, entry: Entry) -> None:
        line = json.dumps(codec.entry_doc(entry), ensure_ascii=False)
        self.reserve.guard("history", lambda: files.append_line(self.history_path, line, 0o644))

    def releases(self) -> dict[int, Release | Unreadable]:
        directory = self.paths.releases(self.config.service)
        try:
            numbers = sorted(int(name) for name in os.listdir(directory) if name.isdigit())
        except FileNotFoundError:
            return {}
        return {number: self._release(number) for number in numbers}

    def _release(self, number: int) -> Release | Unreadable:
        try:
            text = files.read_text(os.path.join(self.paths.release(self.config.service, number), "release.json"))
            if text is None:
                return Unreadable("release.json is missing")
            release = codec.read_release(json.loads(text), f"release {number}")
            return release if release.ref.id == number else Unreadable(f"release.json has id {release.ref.id}")
        except UNREADABLE as error:
            return Unreadable(str(error))

    def images_of_others(self) -> frozenset[str] | None:
        """What the releases of the host's other services run; None: a record cannot be read."""
        home = os.path.dirname(self.home)
        found: set[str] = set()
        for service in os.listdir(home) if os.path.isdir(home) else ():
            directory = self.paths.releases(service)
            if service == self.config.service or not os.path.isdir(directory):
                continue
            for number in filter(str.isdigit, os.listdir(directory)):
                try:
                    text = files.read_text(os.path.join(directory, number, "release.json"))
                    if text is not None:
                        found.add(str(json.loads(text)["release"]["image"]))
                except (*UNREADABLE, KeyError, TypeError):
                    return None
        return frozenset(found)

    def release(self, number: int) -> Release | Unreadable:
        return self._release(number)

    def settings(self, number: int) -> Settings:
        return Settings(self._env(number, "app.env"), self._env(number, "secrets.env"))

    def _env(self, number: int, name: str) -> Mapping[str, str]:
        path = os.path.join(self.paths.release(self.config.service, number), name)
        with open(path, encoding="utf-8", newline="\n") as file:
            return read_env_file(file.read(), path)

    def env_paths(self, number: int) -> tuple[str, str]:
        directory = self.paths.release(self.config.service, number)
        return os.path.join(directory, "app.env"), os.path.join(directory, "secrets.env")

    def write_release(self, release: Release, settings: Settings) -> None:
        path = self.paths.release(self.config.service, release.ref.id)
        contents: dict[str, tuple[str, int]] = {
            "release.json": (json.dumps(codec.release_doc(release), indent=1) + "\n", 0o644),
            "app.env": (env_file(settings.env), 0o600),
            "secrets.env": (env_file(settings.secrets), 0o600),
        }
        self.reserve.guard(f"release {release.ref.id}", lambda: files.write_new_dir(path, contents))

    def remove_release(self, number: int) -> None:
        files.remove_dir(self.paths.release(self.config.service, number))

    def _links(self) -> dict[str, int]:
        links = {slot: self.linked(slot) for slot in self.config.slots}
        return {slot: number for slot, number in links.items() if number is not None}

    def linked(self, slot: str) -> int | None:
        """The release that the slot is linked to."""
        try:
            name = os.path.basename(os.readlink(os.path.join(self.paths.slots(self.config.service), slot)))
        except OSError:
            return None
        return int(name) if name.isdigit() else None

    def link(self, slot: str, number: int) -> None:
        path = os.path.join(self.paths.slots(self.config.service), slot)
        self.reserve.guard(f"slot {slot}", lambda: files.link_atomic(path, f"../releases/{number}"))

    def unlink(self, slot: str) -> None:
        files.remove_file(os.path.join(self.paths.slots(self.config.service), slot))

    def _map(self) -> tuple[str | None, int, str]:
        """The live slot, a canary's share, the slot that stands by."""
        try:
            text = files.read_text(self.map_path) or ""
        except UNREADABLE:
            return None, 0, NO_SLOT
        lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        pairs = {line[0]: line[1] for line in reversed(lines) if len(line) == 2}
        share = pairs.get("percent", "0")
        return pairs.get("live"), int(share) if share.isdigit() else 0, pairs.get("standby", NO_SLOT)

    def write_map(self, slot: str, standby: str = NO_SLOT) -> None:
        self.write_split(Split(slot, standby=standby))

    def write_split(self, split: Split) -> None:
        text = f"live {split.live}\n"
        if split.standby != NO_SLOT:
            text += f"standby {split.standby}\n"
        if not split.whole:
            text += f"canary {split.canary}\npercent {split.percent}\n"
        self.reserve.guard("the live map", lambda: files.write_atomic(self.map_path, text, 0o644))
