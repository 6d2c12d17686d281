"""What people say to a canary is heard, or they hear that it was not; never lost in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from releasectl.host import canary_mailbox as canary
from releasectl.host.canary_mailbox import CanaryFiles
from releasectl.host.files import read_text
from releasectl.model.errors import Code, Failure
from releasectl.rollout.ports import Word

SHOWN = {"txn": "t1", "version": "v2.0.0", "percent": 25}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[CanaryFiles]:
    it = CanaryFiles(str(tmp_path), "inference")
    it.show(SHOWN)
    yield it
    it.show(None)
    assert list(tmp_path.iterdir()) == [], "nothing is left over"


@contextmanager
def meanwhile(files: CanaryFiles, act: Callable[[], object]) -> Iterator[None]:
    """When somebody has begun to speak; it is done when the block is left."""

    def later() -> None:
        while '"t1"' not in (read_text(files.word) or ""):
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=later, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)


def test_a_word_is_heard_once(files: CanaryFiles) -> None:
    heard: list[Word | None] = []
    with meanwhile(files, lambda: heard.append(files.take("t1"))):
        assert files.say("hold", "alice") == SHOWN
    assert heard == [Word("hold", "alice")]
    assert files.take("t1") is None


def test_a_canary_that_ends_before_it_hears_says_so(files: CanaryFiles) -> None:
    over = pytest.raises(Failure, match="over before it heard 'abort'")
    with meanwhile(files, lambda: files.show(None)), over as caught:
        files.say("abort", "alice")
    assert caught.value.code == Code.USAGE
    assert files.take("t1") is None, "it was taken back"


def test_recovery_in_between_is_no_hearing(files: CanaryFiles) -> None:
    with meanwhile(files, files.clear), pytest.raises(Failure, match="over before it heard"):
        files.say("abort", "alice")


def test_the_end_right_after_the_word_was_heard_is_one(files: CanaryFiles) -> None:
    def end() -> None:
        assert files.take("t1")
        files.show(None)

    with meanwhile(files, end):
        assert files.say("abort", "alice") == SHOWN


def test_two_at_once_are_both_heard(files: CanaryFiles) -> None:
    heard: list[str] = []
    stop = threading.Event()

    def engine() -> None:
        while not stop.is_set():
            word = files.take("t1")
            if word:
                heard.append(word.by)
            time.sleep(0.02)

    people = [threading.Thread(target=files.say, args=("hold", by)) for by in ("alice", "bob")]
    with meanwhile(files, engine):
        # Files are named by process: two threads of one would share theirs.
        for person in people:
            person.start()
            person.join(5)
        stop.set()
    assert heard == ["alice", "bob"]


def test_a_second_word_waits_for_the_first(files: CanaryFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(files.word).write_text('{"txn": "t1", "word": "hold", "by": "bob"}')
    monkeypatch.setattr(canary, "TAKEN_S", 0.2)
    with pytest.raises(Failure, match="did not hear 'abort'"):
        files.say("abort", "alice")
    assert files.take("t1") == Word("hold", "bob")


def test_a_word_to_an_earlier_canary_is_in_nobodys_way(files: CanaryFiles) -> None:
    Path(files.word).write_text('{"txn": "t0", "word": "hold", "by": "bob"}')
    with meanwhile(files, lambda: files.take("t1")):
        assert files.say("abort", "alice") == SHOWN


def test_an_engine_that_was_killed_is_told_of(files: CanaryFiles) -> None:
    left = files.not_running()
    assert left.code == Code.USAGE
    assert left.cause == "the engine of the canary of v2.0.0 is gone, which left it at 25 %"
    assert left.hint and "releasectl recover" in left.hint
    files.clear()
    assert files.not_running().cause == "no canary is running"
