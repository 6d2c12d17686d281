"""A command to a canary is accepted, or its sender gets an error; it is never lost in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from releasectl.host import canary_mailbox as canary
from releasectl.host.canary_mailbox import CanaryMailbox
from releasectl.host.files import read_text
from releasectl.model.errors import Code, Failure
from releasectl.rollout.ports import CanaryCommand

STATUS = {"txn": "t1", "version": "v2.0.0", "percent": 25}


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[CanaryMailbox]:
    mailbox = CanaryMailbox(str(tmp_path), "inference")
    mailbox.publish_status(STATUS)
    yield mailbox
    mailbox.publish_status(None)
    assert list(tmp_path.iterdir()) == [], "nothing is left over"


@contextmanager
def meanwhile(mailbox: CanaryMailbox, act: Callable[[], object]) -> Iterator[None]:
    """Run `act` once a command was sent; it has ended when the block is left."""

    def later() -> None:
        while '"t1"' not in (read_text(mailbox.command_path) or ""):
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=later, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)


def test_a_command_is_accepted_once(mailbox: CanaryMailbox) -> None:
    accepted: list[CanaryCommand | None] = []
    with meanwhile(mailbox, lambda: accepted.append(mailbox.take_command("t1"))):
        assert mailbox.send("hold", "alice") == STATUS
    assert accepted == [CanaryCommand("hold", "alice")]
    assert mailbox.take_command("t1") is None


def test_a_canary_that_ends_first_is_an_error(mailbox: CanaryMailbox) -> None:
    over = pytest.raises(Failure, match="ended before it accepted 'abort'")
    with meanwhile(mailbox, lambda: mailbox.publish_status(None)), over as caught:
        mailbox.send("abort", "alice")
    assert caught.value.code == Code.USAGE
    assert mailbox.take_command("t1") is None, "it was withdrawn"


def test_recovery_in_between_does_not_accept(mailbox: CanaryMailbox) -> None:
    with meanwhile(mailbox, mailbox.clear), pytest.raises(Failure, match="ended before it accepted"):
        mailbox.send("abort", "alice")


def test_a_canary_may_end_right_after_it_accepted(mailbox: CanaryMailbox) -> None:
    def end() -> None:
        assert mailbox.take_command("t1")
        mailbox.publish_status(None)

    with meanwhile(mailbox, end):
        assert mailbox.send("abort", "alice") == STATUS


def test_two_commands_at_once_are_both_accepted(mailbox: CanaryMailbox) -> None:
    accepted: list[str] = []
    stop = threading.Event()

    def engine() -> None:
        while not stop.is_set():
            command = mailbox.take_command("t1")
            if command:
                accepted.append(command.by)
            time.sleep(0.02)

    people = [threading.Thread(target=mailbox.send, args=("hold", by)) for by in ("alice", "bob")]
    with meanwhile(mailbox, engine):
        # Files are named by process: two threads of one would share theirs.
        for person in people:
            person.start()
            person.join(5)
        stop.set()
    assert accepted == ["alice", "bob"]


def test_a_second_command_waits_for_the_first(mailbox: CanaryMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(mailbox.command_path).write_text('{"txn": "t1", "word": "hold", "by": "bob"}')
    monkeypatch.setattr(canary, "ACCEPT_TIMEOUT_S", 0.2)
    with pytest.raises(Failure, match="did not accept 'abort'"):
        mailbox.send("abort", "alice")
    assert mailbox.take_command("t1") == CanaryCommand("hold", "bob")


def test_a_command_to_an_earlier_canary_does_not_block(mailbox: CanaryMailbox) -> None:
    Path(mailbox.command_path).write_text('{"txn": "t0", "word": "hold", "by": "bob"}')
    with meanwhile(mailbox, lambda: mailbox.take_command("t1")):
        assert mailbox.send("abort", "alice") == STATUS


def test_a_killed_engine_is_reported(mailbox: CanaryMailbox) -> None:
    left = mailbox.not_running()
    assert left.code == Code.USAGE
    assert left.cause == "the engine of the canary of v2.0.0 was killed and left the canary at 25 %"
    assert left.hint and "releasectl recover" in left.hint
    mailbox.clear()
    assert mailbox.not_running().cause == "no canary is running"
