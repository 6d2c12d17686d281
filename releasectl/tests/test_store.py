"""The records of a service on a real disk: missing is not unreadable, torn is not lost, secrets are private."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from releasectl.host.paths import Paths
from releasectl.host.store import Store
from releasectl.model.errors import Failure
from releasectl.model.journal import Mark
from releasectl.model.model import State
from releasectl.rollout.ports import Unreadable
from releasectl.startup.fast_dataclass import replace

from .full_disk import FullDisk
from .records import AFTER, BEFORE, ENTRY, INTENT, REF, RELEASE, SETTINGS, STATE
from .scenarios import SECRET
from .simulated_host import config


@pytest.fixture
def store(tmp_path: Path) -> Store:
    it = Store(Paths(str(tmp_path)), config())
    it.prepare()
    return it


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_an_empty_host_has_no_records(store: Store) -> None:
    found = store.read()
    assert (found.state, found.journal, found.links, found.map_slot) == (None, None, {}, None)
    assert store.history().entries == () and store.releases() == {}


def test_what_is_recorded_is_read_again(store: Store) -> None:
    store.save_state(STATE)
    store.begin_journal(INTENT)
    store.append_journal(BEFORE)
    store.append_journal(AFTER)
    store.append_history(ENTRY)
    store.write_release(RELEASE, SETTINGS)
    store.link("blue", 1)
    store.write_map("blue")
    found = store.read()
    assert (found.state, found.links, found.map_slot) == (STATE, {"blue": 1}, "blue")
    assert found.journal and not isinstance(found.journal, Unreadable)
    assert (found.journal.intent, found.journal.marks) == (INTENT, (BEFORE, AFTER))
    assert store.history().entries == (ENTRY,)
    assert store.releases() == {1: RELEASE}
    assert store.settings(1) == SETTINGS
    assert Path(store.map_path).read_text() == "live blue\n"
    store.clear_journal()
    store.unlink("blue")
    store.remove_release(1)
    found = store.read()
    assert (found.journal, found.links, store.releases()) == (None, {}, {})


def test_secrets_are_for_root_alone_and_in_no_other_file(store: Store, tmp_path: Path) -> None:
    store.write_release(RELEASE, SETTINGS)
    assert [mode(path) for path in store.env_paths(1)] == [0o600, 0o600]
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_text()]
    assert [path.name for path in holding] == ["secrets.env"]
    assert mode(os.path.join(store.home, "releases", "1", "release.json")) == 0o644


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 2}', '{"schema": 1, "live": {}}', "\ud800"])
def test_a_state_that_cannot_be_read_is_broken_and_not_empty(store: Store, text: str) -> None:
    Path(store.state_path).write_bytes(text.encode("utf-8", "surrogatepass"))
    found = store.read().state
    assert isinstance(found, Unreadable) and found.why


def test_a_state_that_cannot_be_opened_is_broken(store: Store) -> None:
    os.mkdir(store.state_path)
    assert isinstance(store.read().state, Unreadable)


def test_a_release_that_cannot_be_read_is_broken_and_the_others_are_not(store: Store) -> None:
    store.write_release(RELEASE, SETTINGS)
    store.write_release(replace(RELEASE, ref=replace(REF, id=2)), SETTINGS)
    releases = Path(store.home, "releases")
    (releases / "2" / "release.json").write_text("{")
    (releases / "3").mkdir()
    (releases / "4").mkdir()
    (releases / "4" / "release.json").write_bytes((releases / "1" / "release.json").read_bytes())
    (releases / "notes").mkdir()
    found = store.releases()
    assert found[1] == RELEASE and list(found) == [1, 2, 3, 4]
    assert all(isinstance(found[number], Unreadable) for number in (2, 3, 4))


def journal_of(store: Store) -> tuple[Mark, ...]:
    found = store.read().journal
    assert found is not None and not isinstance(found, Unreadable), found
    return found.marks


def test_the_torn_last_line_of_a_journal_never_happened(store: Store) -> None:
    store.begin_journal(INTENT)
    store.append_journal(BEFORE)
    with open(store.journal_path, "a", encoding="utf-8") as file:
        file.write('{"at": "1970-01-01T00:00:07.000Z", "ph')
    assert journal_of(store) == (BEFORE,)


def test_a_journal_with_a_torn_line_can_be_continued(store: Store) -> None:
    store.begin_journal(INTENT)
    store.append_journal(BEFORE)
    with open(store.journal_path, "a", encoding="utf-8") as file:
        file.write('{"at": "1970-01-01T00:00:07.000Z", "ph')
    store.append_journal(AFTER)
    assert journal_of(store) == (BEFORE, AFTER)


def test_a_journal_whose_beginning_is_nonsense_is_broken_and_can_be_set_aside(store: Store) -> None:
    Path(store.journal_path).write_text("nonsense\n")
    assert isinstance(store.read().journal, Unreadable)
    name = store.set_aside_journal()
    assert store.read().journal is None
    assert Path(store.home, name).read_text() == "nonsense\n"


def test_history_keeps_what_it_cannot_read_and_counts_it(store: Store) -> None:
    store.append_history(ENTRY)
    with open(store.history_path, "a", encoding="utf-8") as file:
        file.write("nonsense\n" + json.dumps({"txn": "x"}) + "\ntorn")
    store.append_history(replace(ENTRY, txn="t2"))
    found = store.history()
    assert [entry.txn for entry in found.entries] == ["t1", "t2"] and found.unreadable == 3
    assert "nonsense" in Path(store.history_path).read_text()


def test_links_that_lead_elsewhere_are_no_links(store: Store) -> None:
    slots = Path(store.home, "slots")
    (slots / "blue").symlink_to("/etc")
    (slots / "green").write_text("1")
    assert store.read().links == {}


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("live green\n", "green"),
        ("# live blue\nlive none", "none"),
        ("", None),
        ("live\n", None),
        ("other blue\n", None),
    ],
)
def test_the_map_is_read_as_the_edge_reads_it(store: Store, text: str, slot: str | None) -> None:
    Path(store.map_path).write_text(text)
    assert store.read().map_slot == slot


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_rollout_that_meets_a_full_disk_can_still_be_undone_and_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    store.begin_journal(INTENT)
    FullDisk(monkeypatch, room, Path(store.home, "reserve"))
    store.append_journal(BEFORE)
    store.write_release(RELEASE, SETTINGS)
    store.link("blue", 1)
    store.write_map("none")
    store.save_state(STATE)
    store.append_history(ENTRY)
    store.remove_release(1)
    store.clear_journal()
    store.sweep()
    assert store.read().state == STATE and store.history().entries == (ENTRY,)
    left = [name for _, _, names in os.walk(store.home) for name in names if name.startswith(".")]
    assert left == []
    store.prepare()
    assert os.path.exists(os.path.join(store.home, "reserve"))


def test_a_full_disk_without_reserve_loses_nothing_that_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save_state(STATE)
    store.begin_journal(INTENT)
    store.append_journal(BEFORE)
    store.append_history(ENTRY)
    os.unlink(os.path.join(store.home, "reserve"))
    FullDisk(monkeypatch, 3)
    writes: tuple[Callable[[], None], ...] = (
        lambda: store.save_state(State()),
        lambda: store.append_journal(AFTER),
        lambda: store.append_history(ENTRY),
        lambda: store.write_release(RELEASE, SETTINGS),
        lambda: store.write_map("blue"),
    )
    for write in writes:
        with pytest.raises(Failure, match="No space left"):
            write()
    assert store.read().state == STATE and journal_of(store) == (BEFORE,)
    assert store.history().entries == (ENTRY,) and store.history().unreadable == 0
    assert store.releases() == {}


def test_every_write_but_that_of_a_release_may_be_repeated(store: Store) -> None:
    for _ in range(2):
        store.save_state(STATE)
        store.write_map("blue")
        store.link("blue", 1)
    store.write_release(RELEASE, SETTINGS)
    for _ in range(2):
        store.unlink("blue")
        store.remove_release(1)
        store.clear_journal()
        store.sweep()
    assert store.releases() == {}


class TestOtherServices:
    def other(self, tmp_path: Path) -> Store:
        return Store(Paths(str(tmp_path)), config(service="scoring"))

    def test_their_images_are_known(self, tmp_path: Path) -> None:
        mine, other = Store(Paths(str(tmp_path)), config()), self.other(tmp_path)
        for store in (mine, other):
            store.prepare()
            store.write_release(RELEASE, SETTINGS)
        assert mine.images_of_others() == other.images_of_others() == frozenset({REF.image})
        other.remove_release(1)
        assert mine.images_of_others() == frozenset()

    def test_an_unreadable_record_is_not_none(self, tmp_path: Path) -> None:
        mine, other = Store(Paths(str(tmp_path)), config()), self.other(tmp_path)
        for store in (mine, other):
            store.prepare()
        other.write_release(RELEASE, SETTINGS)
        path = Path(other.paths.release("scoring", 1)) / "release.json"
        path.write_text("{")
        assert mine.images_of_others() is None
