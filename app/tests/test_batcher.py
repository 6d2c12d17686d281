"""Coalescing: nobody waits for company, everybody gets their own rows, and no wait is without an end."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest

from inference_service.batcher import Batcher
from inference_service.errors import ApiError
from inference_service.model import Outcome


class Fake:
    """A model whose outcome for a row is the row itself: one byte a row."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.began = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self.error: Exception | None = None
        self.seconds = 0.0

    def run(self, buffer: bytes) -> Outcome:
        self.began.set()
        assert self.release.wait(5)
        if self.error:
            raise self.error
        time.sleep(self.seconds)
        self.batches.append(len(buffer))
        return list(buffer), [value / 256 for value in buffer]


def submit(shared: Batcher, buffer: bytes, rows: int, ago_s: float = 0.0) -> asyncio.Future[Outcome]:
    return shared.submit(buffer, rows, time.perf_counter() - ago_s)


def batcher(
    fake: Fake,
    executor: ThreadPoolExecutor | None = None,
    deadline_s: float = 5.0,
    max_queue_s: float = 10.0,
    full_run_s: float = 0.001,
    **limits: int,
) -> Batcher:
    return Batcher(
        fake.run,
        max_batch_rows=limits.get("batch", 8),
        max_queue_rows=limits.get("queue", 16),
        max_queue_s=max_queue_s,
        full_run_s=full_run_s,
        deadline_s=deadline_s,
        observe=lambda seconds, rows: None,
        executor=executor,
    )


@pytest.mark.parametrize("threaded", [False, True])
async def test_concurrent_requests_share_runs_and_each_gets_its_rows(threaded: bool) -> None:
    fake = Fake()
    with ThreadPoolExecutor(1) as executor:
        shared = batcher(fake, executor if threaded else None)
        futures = [submit(shared, bytes([n, n + 100]), 2) for n in range(6)]
        outcomes = await asyncio.gather(*futures)
    assert [classes for classes, _ in outcomes] == [[n, n + 100] for n in range(6)]
    assert fake.batches == [8, 4]
    assert shared.queued_rows == 0


async def test_what_arrives_while_a_run_is_busy_forms_the_next_batch() -> None:
    fake = Fake()
    fake.release.clear()
    with ThreadPoolExecutor(1) as executor:
        shared = batcher(fake, executor)
        futures = [submit(shared, b"a", 1)]
        assert await asyncio.to_thread(fake.began.wait, 5)
        futures += [submit(shared, b"b", 1) for _ in range(3)]
        fake.release.set()
        await asyncio.gather(*futures)
    assert fake.batches == [1, 3]


async def test_full_queue_refuses_at_once() -> None:
    shared = batcher(Fake(), queue=3)
    first = submit(shared, b"ab", 2)
    with pytest.raises(ApiError) as caught:
        submit(shared, b"ab", 2)
    assert (caught.value.status, caught.value.code, caught.value.headers) == (
        503,
        "overloaded",
        ((b"retry-after", b"1"),),
    )
    assert await first == ([97, 98], [97 / 256, 98 / 256])


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs take none: what a busy machine adds to them would count as the model's."""
    monkeypatch.setattr("inference_service.batcher.time", SimpleNamespace(perf_counter=lambda: 0.0))


async def accepted(shared: Batcher, asked: int) -> int:
    """How many of so many requests with one row each are answered, all of one turn of the event loop."""
    answers = []
    for _ in range(asked):
        with suppress(ApiError):
            shared.admit()
            answers.append(submit(shared, b"a", 1))
    await asyncio.gather(*answers)
    return len(answers)


@pytest.mark.usefixtures("no_time")
async def test_fewer_may_wait_while_some_are_refused_and_all_again_afterwards() -> None:
    shared = batcher(Fake(), queue=16)
    assert [await accepted(shared, 20) for _ in range(3)] == [16, 4, 4]
    assert [await accepted(shared, 1) for _ in range(2)] == [1, 1]
    assert await accepted(shared, 20) == 16


@pytest.mark.usefixtures("no_time")
async def test_as_many_may_wait_as_ever_where_answers_take_no_longer_than_refusals() -> None:
    shared = batcher(Fake(), queue=16, full_run_s=0.0001)
    assert [await accepted(shared, 20) for _ in range(3)] == [16, 16, 16]


@pytest.mark.usefixtures("no_time")
async def test_as_many_may_wait_for_a_thread_as_ever() -> None:
    with ThreadPoolExecutor(1) as executor:
        shared = batcher(Fake(), executor, queue=16)
        assert [await accepted(shared, 20) for _ in range(3)] == [16, 16, 16]


async def test_who_is_refused_ends_the_turn_for_smaller_ones_too() -> None:
    shared = batcher(Fake(), queue=3)
    first = submit(shared, b"ab", 2)
    with pytest.raises(ApiError):
        submit(shared, b"ab", 2)
    with pytest.raises(ApiError):
        shared.admit()
    await first
    shared.admit()


@pytest.mark.parametrize("threaded", [False, True])
async def test_failing_run_fails_its_requests_and_only_these(threaded: bool) -> None:
    fake = Fake()
    fake.error = RuntimeError("broken")
    with ThreadPoolExecutor(1) as executor:
        shared = batcher(fake, executor if threaded else None)
        with pytest.raises(RuntimeError, match="broken"):
            await submit(shared, b"a", 1)
        fake.error = None
        assert (await submit(shared, b"a", 1))[0] == [97]


async def test_request_that_is_late_already_is_not_run() -> None:
    fake = Fake()
    shared = batcher(fake)
    with pytest.raises(ApiError) as caught:
        await submit(shared, b"a", 1, ago_s=10)
    assert caught.value.status == 504
    assert fake.batches == []


async def test_deadline_passes_for_who_runs_and_who_waits_while_a_thread_is_stuck() -> None:
    fake = Fake()
    fake.release.clear()
    with ThreadPoolExecutor(1) as executor:
        shared = batcher(fake, executor, deadline_s=0.1)
        running = submit(shared, b"a", 1)
        assert await asyncio.to_thread(fake.began.wait, 5)
        waiting = submit(shared, b"b", 1)
        results = await asyncio.wait_for(asyncio.gather(running, waiting, return_exceptions=True), 2)
        fake.release.set()
        # The queue is usable again afterwards.
        assert (await submit(shared, b"c", 1))[0] == [99]
    assert [getattr(result, "status", None) for result in results] == [504, 504]
    assert shared.queued_rows == 0


async def test_request_whose_client_has_gone_is_not_run() -> None:
    fake = Fake()
    shared = batcher(fake)
    gone = submit(shared, b"a", 1)
    kept = submit(shared, b"b", 1)
    gone.cancel()
    assert (await kept)[0] == [98]
    assert fake.batches == [1]


async def test_queue_is_bounded_by_the_time_that_its_runs_take() -> None:
    # A full batch of 8 rows takes 1 s: in half a second 4 rows are answered.
    shared = batcher(Fake(), full_run_s=1.0, max_queue_s=0.5)
    answers = [submit(shared, b"a", 1) for _ in range(4)]
    for refused in (shared.admit, lambda: submit(shared, b"a", 1)):
        with pytest.raises(ApiError, match="4 rows are waiting already; the limit is 4"):
            refused()
    await asyncio.gather(*answers)
    # However slow the model: who is alone is not refused.
    slow = batcher(Fake(), full_run_s=100.0, max_queue_s=0.5)
    slow.admit()
    assert len((await submit(slow, b"abcd", 4))[0]) == 4


async def test_bound_follows_what_runs_take() -> None:
    fake = Fake()
    fake.seconds = 0.05
    shared = batcher(fake, full_run_s=0.001, max_queue_s=0.01)
    await asyncio.gather(*[submit(shared, b"ab", 2) for _ in range(8)])
    # Two full runs later a full batch is thought to take some 10 ms, on its way to 50.
    with pytest.raises(ApiError):
        await asyncio.gather(*[submit(shared, b"ab", 2) for _ in range(8)])


async def test_all_that_is_queued_runs_before_anything_else_is_read() -> None:
    fake = Fake()
    shared = batcher(fake)
    turns: list[int] = []

    def turn() -> None:
        turns.append(len(fake.batches))
        if len(fake.batches) < 2:
            asyncio.get_running_loop().call_soon(turn)

    asked = [submit(shared, b"abcd", 4) for _ in range(4)]
    turn()
    await asyncio.gather(*asked)
    assert set(turns) == {0, 2}
    assert fake.batches == [8, 8]
