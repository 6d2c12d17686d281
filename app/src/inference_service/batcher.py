"""Concurrent requests share a run of the model, and none waits for company.

Whatever is queued when the model becomes free forms the next batch. There is no timer: a request alone runs in the next
turn of the event loop, and under load the batches grow by themselves, because more arrives while a run is busy.
"""

import asyncio
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import KW_ONLY, dataclass

from .errors import ApiError, overloaded
from .model import INVALID, NO_PROBABILITIES, Outcome

# How much a new measurement counts in the time of a run.
_NEWEST_SHARE = 0.1
# Of the rows that may wait, how many may while requests are refused; and about what a refusal takes.
_OVERLOADED_SHARE = 0.25
_REFUSAL_S = 50e-6

# Rows packed as float32, their number, who waits for them, and since when (on the clock of time.perf_counter).
_Waiting = tuple[bytes, int, "asyncio.Future[Outcome]", float]


@dataclass(eq=False)
class Batcher:
    """Runs `run` on the event loop, or in `executor` when there is one: right for models that take milliseconds.

    full_run_s: what a run of `max_batch_rows` takes; it is followed while serving.
    observe: called after each run with (seconds, rows).
    """

    run: Callable[[bytes], Outcome]
    _: KW_ONLY
    max_batch_rows: int
    max_queue_rows: int
    max_queue_s: float
    full_run_s: float
    deadline_s: float
    observe: Callable[[float, int], None]
    executor: Executor | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._refused = False
        self._limit_rows = self.max_queue_rows
        self._set_limit()
        self.queued_rows = 0

    def submit(self, buffer: bytes, rows: int, started: float) -> asyncio.Future[Outcome]:
        """Queue `rows` rows of a request that began at `started`; raises ApiError 503 when the queue is full.

        The future fails with ApiError 504 when the request's deadline passes.
        """
        # However long a run takes, there is room for one who would be the first.
        if self._queue and self.queued_rows + rows > self._limit_rows:
            raise self._overloaded()
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        self._queue.append((buffer, rows, answer, started))
        self.queued_rows += rows
        if self.executor is not None:
            # While a thread runs, the deadline also ends the wait of those whose run has begun.
            timer = self._loop.call_later(started + self.deadline_s - time.perf_counter(), _expire, answer)
            answer.add_done_callback(lambda _: timer.cancel())
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())
        return answer

    def admit(self) -> None:
        """Raises ApiError 503 if even a single row would be refused; for before a body is decoded, most of the work."""
        if self._queue and (self._refused or self.queued_rows >= self._limit_rows):
            raise self._overloaded()

    def _overloaded(self) -> ApiError:
        # A thread's runs take nothing from the event loop: there, as many may wait as ever.
        self._refused = self.executor is None
        return overloaded(f"{self.queued_rows} rows are waiting already; the limit is {self._limit_rows}")

    def _set_limit(self) -> None:
        """As many rows may wait as runs answer within `max_queue_s`, by what runs took of late."""
        in_time = int(self.max_queue_s / max(self.full_run_s, 1e-6) * self.max_batch_rows)
        self._most_rows = min(in_time, self.max_queue_rows)
        self._limit_rows = min(self._limit_rows, self._most_rows)

    def _adapt_limit(self) -> None:
        """Let fewer wait after some were refused, and twice as many after each turn in which nobody was.

        The event loop refuses and runs by turns, so a long queue makes long turns, in which more arrive to be refused.
        A short one answers each sooner, and fewer in all. It gains nothing where an answer is as cheap as a refusal.
        """
        run_s = self.queued_rows / len(self._queue) * self.full_run_s / self.max_batch_rows
        shorter = self._refused and run_s > _REFUSAL_S
        wanted = self._most_rows * _OVERLOADED_SHARE if shorter else self._limit_rows * 2
        self._limit_rows = min(int(wanted), self._most_rows)
        self._refused = False

    async def _work(self) -> None:
        """Run all that is queued; on the event loop without a pause between runs.

        There the loop would read, and refuse, what came meanwhile, and those who were accepted would wait for it.
        """
        try:
            # Two turns of the event loop belong to a batch: what comes while the last answers are written is read in
            # the second one. Without it, half of the clients would always wait for the other half.
            if not self._refused:
                await asyncio.sleep(0)
            self._adapt_limit()
            while self._queue:
                batch, rows = self._take()
                if batch:
                    await self._run_batch(batch, rows)
        finally:
            self._worker = None

    async def _run_batch(self, batch: list[_Waiting], rows: int) -> None:
        buffer = batch[0][0] if len(batch) == 1 else b"".join([waiting[0] for waiting in batch])
        started = time.perf_counter()
        try:
            if self.executor is None:
                outcome = self.run(buffer)
            else:
                outcome = await self._loop.run_in_executor(self.executor, self.run, buffer)
        except Exception as error:
            for _, _, answer, _ in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            self._measured(time.perf_counter() - started, rows)
            _deliver(batch, outcome)

    def _take(self) -> tuple[list[_Waiting], int]:
        """The next batch and its rows, without those that nobody waits for any more."""
        taken = self._queue
        if self.queued_rows <= self.max_batch_rows:
            self._queue, self.queued_rows = [], 0
        else:
            ends = list(itertools.accumulate([rows for _, rows, _, _ in taken]))
            count = max(bisect_right(ends, self.max_batch_rows), 1)
            taken, self._queue = taken[:count], taken[count:]
            self.queued_rows -= ends[count - 1]
        oldest = time.perf_counter() - self.deadline_s
        batch = [waiting for waiting in taken if waiting[3] >= oldest and not waiting[2].done()]
        if len(batch) < len(taken):
            for _, _, answer, started in taken:
                if started < oldest:
                    _expire(answer)
        return batch, sum([rows for _, rows, _, _ in batch])

    def _measured(self, seconds: float, rows: int) -> None:
        self.observe(seconds, rows)
        # Small runs say little about full ones: part of the time does not depend on the rows.
        if rows * 2 >= self.max_batch_rows:
            full = seconds * self.max_batch_rows / rows
            self.full_run_s += (full - self.full_run_s) * _NEWEST_SHARE
            self._set_limit()


def _expire(answer: asyncio.Future[Outcome]) -> None:
    if not answer.done():
        message = "The request's deadline passed before the model could answer"
        answer.set_exception(ApiError(504, "deadline_exceeded", message))


def _deliver(batch: list[_Waiting], outcome: Outcome) -> None:
    classes, probabilities = outcome
    all_valid = INVALID not in classes
    at = 0
    for _, rows, answer, _ in batch:
        end = at + rows
        if answer.done():
            pass
        elif all_valid or INVALID not in classes[at:end]:
            answer.set_result((classes[at:end], probabilities[at:end]))
        else:
            at_fault = classes.index(INVALID, at) - at
            message = f"The model gave {NO_PROBABILITIES} for row {at_fault} (the first is row 0)"
            answer.set_exception(ApiError(500, "invalid_output", message))
        at = end
