"""Concurrent requests share a run of the model, and none waits for company.

Whatever is queued when the model becomes free forms the next batch. There is no timer: a request alone runs at once, and
under load the batches grow by themselves, because more arrives while a run is busy.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

from .errors import overloaded
from .model import Outcome


class _Waiting(NamedTuple):
    buffer: bytes
    rows: int
    future: asyncio.Future[Outcome]


class Batcher:
    """Runs `run` on the event loop, or in `executor` when there is one: right for models that take milliseconds.

    observe: called after each run with (seconds, rows).
    """

    def __init__(
        self,
        run: Callable[[bytes], Outcome],
        *,
        max_batch_rows: int,
        max_queue_rows: int,
        observe: Callable[[float, int], None],
        executor: Executor | None = None,
    ) -> None:
        self._run = run
        self._max_batch_rows = max_batch_rows
        self._max_queue_rows = max_queue_rows
        self._observe = observe
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._scheduled = False
        self.queued_rows = 0

    def submit(self, buffer: bytes, rows: int) -> asyncio.Future[Outcome]:
        """Queue `rows` rows; raises ApiError 503 when the queue is full."""
        if self.queued_rows + rows > self._max_queue_rows:
            raise overloaded(f"{self.queued_rows} rows are waiting already; the limit is {self._max_queue_rows}")
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._queue.append(_Waiting(buffer, rows, future))
        self.queued_rows += rows
        if not self._scheduled:
            self._scheduled = True
            # Runs after all requests that this turn of the event loop has read: they are the batch.
            self._loop.call_soon(self._start)
        return future

    def _take(self) -> tuple[list[_Waiting], int]:
        batch: list[_Waiting] = []
        rows = 0
        while self._queue and rows + self._queue[0].rows <= self._max_batch_rows:
            waiting = self._queue.popleft()
            self.queued_rows -= waiting.rows
            # The client of a cancelled one has gone.
            if not waiting.future.done():
                batch.append(waiting)
                rows += waiting.rows
        return batch, rows

    def _start(self) -> None:
        batch, rows = self._take()
        if not batch:
            self._next()
            return
        buffer = batch[0].buffer if len(batch) == 1 else b"".join([waiting.buffer for waiting in batch])
        start = time.perf_counter()
        if self._executor is None:
            try:
                outcome = self._run(buffer)
            except Exception as error:
                self._fail(batch, error)
            else:
                self._observe(time.perf_counter() - start, rows)
                self._deliver(batch, outcome)
            self._next()
            return

        def done(finished: asyncio.Future[Outcome]) -> None:
            error = finished.exception()
            if error is not None:
                self._fail(batch, error)
            else:
                self._observe(time.perf_counter() - start, rows)
                self._deliver(batch, finished.result())
            self._next()

        self._loop.run_in_executor(self._executor, self._run, buffer).add_done_callback(done)

    def _next(self) -> None:
        if self._queue:
            self._loop.call_soon(self._start)
        else:
            self._scheduled = False

    @staticmethod
    def _deliver(batch: list[_Waiting], outcome: Outcome) -> None:
        if len(batch) == 1:
            if not batch[0].future.done():
                batch[0].future.set_result(outcome)
            return
        at = 0
        for waiting in batch:
            end = at + waiting.rows
            if not waiting.future.done():
                waiting.future.set_result(Outcome(outcome.classes[at:end], outcome.probabilities[at:end]))
            at = end

    @staticmethod
    def _fail(batch: list[_Waiting], error: BaseException) -> None:
        for waiting in batch:
            if not waiting.future.done():
                waiting.future.set_exception(error)
