"""Concurrent requests share a run of the model, and none waits for company.

Whatever is queued when the model becomes free forms the next batch. There is no timer: a request alone runs at once,
and under load the batches grow by themselves, because more arrives while a run is busy.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NoReturn

from .errors import ApiError, overloaded
from .model import Outcome

# Rows packed as float32, their number, who waits for them, and until when (on the clock of time.perf_counter).
# A plain tuple: a named one costs as much to make as a tenth of the prediction.
_Waiting = tuple[bytes, int, asyncio.Future[Outcome], float]


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
        deadline_s: float,
        observe: Callable[[float, int], None],
        executor: Executor | None = None,
    ) -> None:
        self._run = run
        self._max_batch_rows = max_batch_rows
        self._max_queue_rows = max_queue_rows
        self._deadline_s = deadline_s
        self._observe = observe
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._running: list[_Waiting] = []
        self._scheduled = False
        self._watch: asyncio.TimerHandle | None = None
        self.queued_rows = 0

    def submit(self, buffer: bytes, rows: int, started: float) -> asyncio.Future[Outcome]:
        """Queue `rows` rows of a request that began at `started`; raises ApiError 503 when the queue is full.

        The future fails with ApiError 504 when the request's deadline passes.
        """
        if self.queued_rows + rows > self._max_queue_rows:
            self.refuse()
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._queue.append((buffer, rows, future, started + self._deadline_s))
        self.queued_rows += rows
        if not self._scheduled:
            self._scheduled = True
            # Runs after all requests that this turn of the event loop has read: they are the batch.
            self._loop.call_soon(self._start)
        return future

    @property
    def full(self) -> bool:
        """Whether even a single row would be refused: asked before a body is decoded, which is most of the work."""
        return self.queued_rows >= self._max_queue_rows

    def refuse(self) -> NoReturn:
        raise overloaded(f"{self.queued_rows} rows are waiting already; the limit is {self._max_queue_rows}")

    def _take(self) -> tuple[list[_Waiting], int]:
        batch: list[_Waiting] = []
        total = 0
        queue = self._queue
        now = time.perf_counter()
        while queue and total + queue[0][1] <= self._max_batch_rows:
            waiting = queue.popleft()
            _, rows, future, expires = waiting
            self.queued_rows -= rows
            # The client of a cancelled one has gone.
            if future.done():
                continue
            if expires < now:
                future.set_exception(_late())
                continue
            batch.append(waiting)
            total += rows
        return batch, total

    def _start(self) -> None:
        batch, rows = self._take()
        if not batch:
            self._next()
            return
        buffer = batch[0][0] if len(batch) == 1 else b"".join([waiting[0] for waiting in batch])
        start = time.perf_counter()
        if self._executor is None:
            try:
                outcome = self._run(buffer)
            except Exception as error:
                _fail(batch, error)
            else:
                self._observe(time.perf_counter() - start, rows)
                _deliver(batch, outcome)
            self._next()
            return

        def done(finished: asyncio.Future[Outcome]) -> None:
            error = finished.exception()
            if error is not None:
                _fail(batch, error)
            else:
                self._observe(time.perf_counter() - start, rows)
                _deliver(batch, finished.result())
            self._running = []
            self._next()

        self._running = batch
        self._loop.run_in_executor(self._executor, self._run, buffer).add_done_callback(done)
        if self._watch is None:
            self._watch_deadlines()

    def _watch_deadlines(self) -> None:
        """While a thread runs: fail what is late, whether it runs or waits, and look again when the next one is due."""
        self._watch = None
        now = time.perf_counter()
        for _, _, future, expires in [*self._running, *self._queue]:
            if future.done():
                continue
            if expires > now:
                self._watch = self._loop.call_later(expires - now, self._watch_deadlines)
                return
            future.set_exception(_late())

    def _next(self) -> None:
        if self._queue:
            self._loop.call_soon(self._start)
        else:
            self._scheduled = False


def _late() -> ApiError:
    return ApiError(504, "deadline_exceeded", "The request's deadline passed before the model could answer")


def _deliver(batch: list[_Waiting], outcome: Outcome) -> None:
    classes, probabilities = outcome
    at = 0
    for _, rows, future, _ in batch:
        end = at + rows
        if not future.done():
            future.set_result((classes[at:end], probabilities[at:end]))
        at = end


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for _, _, future, _ in batch:
        if not future.done():
            future.set_exception(error)
