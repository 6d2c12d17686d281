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
from typing import NoReturn, Protocol

from .errors import ApiError, overloaded
from .model import INVALID, NO_PROBABILITIES, Outcome

# How much a new measurement counts in the time of a run.
_NEWEST_SHARE = 0.1


class Caller(Protocol):
    """Who asked for a prediction. Exactly one of the two is called, once, on the event loop; neither may raise."""

    @property
    def ended(self) -> bool:
        """Nobody waits any more: it was answered, or its client has gone."""

    def answer(self, outcome: Outcome) -> None: ...

    def fail(self, error: Exception) -> None: ...


# Rows packed as float32, their number, who asked, and until when (on the clock of time.perf_counter).
# A plain tuple: a named one costs as much to make as a tenth of the prediction.
_Waiting = tuple[bytes, int, Caller, float]


class Batcher:
    """Runs `run` on the event loop, or in `executor` when there is one: right for models that take milliseconds.

    full_run_s: what a run of `max_batch_rows` takes; it is followed while serving.
    observe: called after each run with (seconds, rows).
    """

    def __init__(
        self,
        run: Callable[[bytes], Outcome],
        *,
        max_batch_rows: int,
        max_queue_rows: int,
        max_queue_s: float,
        full_run_s: float,
        deadline_s: float,
        observe: Callable[[float, int], None],
        executor: Executor | None = None,
    ) -> None:
        self._run = run
        self._max_batch_rows = max_batch_rows
        self._max_queue_rows = max_queue_rows
        self._max_queue_s = max_queue_s
        self._full_run_s = full_run_s
        self._deadline_s = deadline_s
        self._observe = observe
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._running: list[_Waiting] = []
        self._scheduled = False
        self._watch: asyncio.TimerHandle | None = None
        self._limit_rows = 0
        self._set_limit()
        self.queued_rows = 0

    def submit(self, buffer: bytes, rows: int, caller: Caller, started: float) -> None:
        """Queue `rows` rows of a request that began at `started`; raises ApiError 503 when the queue is full.

        The caller fails with ApiError 504 when the request's deadline passes.
        """
        # However long a run takes, there is room for one who would be the first.
        if self._queue and self.queued_rows + rows > self._limit_rows:
            self.refuse()
        self._queue.append((buffer, rows, caller, started + self._deadline_s))
        self.queued_rows += rows
        if not self._scheduled:
            self._scheduled = True
            # Runs after all requests that this turn of the event loop has read: they are the batch.
            self._loop.call_soon(self._start)

    @property
    def full(self) -> bool:
        """Whether even a single row would be refused: asked before a body is decoded, which is most of the work."""
        return self.queued_rows >= self._limit_rows and bool(self._queue)

    def refuse(self) -> NoReturn:
        raise overloaded(f"{self.queued_rows} rows are waiting already; the limit is {self._limit_rows}")

    def _set_limit(self) -> None:
        """As many rows may wait as runs answer within `max_queue_s`, by what runs took of late."""
        in_time = int(self._max_queue_s / max(self._full_run_s, 1e-6) * self._max_batch_rows)
        self._limit_rows = min(in_time, self._max_queue_rows)

    def _take(self) -> tuple[list[_Waiting], int]:
        batch: list[_Waiting] = []
        total = 0
        queue = self._queue
        now = time.perf_counter()
        while queue and (not batch or total + queue[0][1] <= self._max_batch_rows):
            waiting = queue.popleft()
            _, rows, caller, expires = waiting
            self.queued_rows -= rows
            # The client has gone.
            if caller.ended:
                continue
            if expires < now:
                caller.fail(_late())
                continue
            batch.append(waiting)
            total += rows
        return batch, total

    def _start(self) -> None:
        if self._executor is not None:
            self._start_in(self._executor)
            return
        # All that is queued, in one go: between two runs the loop would read, and refuse, what came meanwhile, and
        # those who were accepted would wait for it.
        try:
            while self._queue:
                batch, rows = self._take()
                if batch:
                    self._run_now(batch, rows)
        finally:
            self._next()

    def _run_now(self, batch: list[_Waiting], rows: int) -> None:
        start = time.perf_counter()
        try:
            outcome = self._run(_joined(batch))
        except Exception as error:
            _fail(batch, error)
        else:
            self._measured(time.perf_counter() - start, rows)
            _deliver(batch, outcome)

    def _start_in(self, executor: Executor) -> None:
        batch, rows = self._take()
        if not batch:
            self._next()
            return
        start = time.perf_counter()

        def done(finished: asyncio.Future[Outcome]) -> None:
            error = finished.exception()
            if error is None:
                self._measured(time.perf_counter() - start, rows)
                _deliver(batch, finished.result())
            else:
                _fail(batch, error)
            self._running = []
            self._next()

        self._running = batch
        self._loop.run_in_executor(executor, self._run, _joined(batch)).add_done_callback(done)
        if self._watch is None:
            self._watch_deadlines()

    def _measured(self, seconds: float, rows: int) -> None:
        self._observe(seconds, rows)
        # Small runs say little about full ones: part of the time does not depend on the rows.
        if rows * 2 >= self._max_batch_rows:
            full = seconds * self._max_batch_rows / rows
            self._full_run_s += (full - self._full_run_s) * _NEWEST_SHARE
            self._set_limit()

    def _watch_deadlines(self) -> None:
        """While a thread runs: fail what is late, whether it runs or waits, and look again when the next one is due."""
        self._watch = None
        now = time.perf_counter()
        for _, _, caller, expires in [*self._running, *self._queue]:
            if caller.ended:
                continue
            if expires > now:
                self._watch = self._loop.call_later(expires - now, self._watch_deadlines)
                return
            caller.fail(_late())

    def _next(self) -> None:
        if self._queue:
            self._loop.call_soon(self._start)
        else:
            self._scheduled = False


def _late() -> ApiError:
    return ApiError(504, "deadline_exceeded", "The request's deadline passed before the model could answer")


def _joined(batch: list[_Waiting]) -> bytes:
    return batch[0][0] if len(batch) == 1 else b"".join([waiting[0] for waiting in batch])


def _deliver(batch: list[_Waiting], outcome: Outcome) -> None:
    classes, probabilities = outcome
    at = 0
    for _, rows, caller, _ in batch:
        end = at + rows
        own = classes[at:end]
        if caller.ended:
            pass
        elif INVALID in own:
            message = f"The model gave {NO_PROBABILITIES} for row {own.index(INVALID)} (the first is row 0)"
            caller.fail(ApiError(500, "invalid_output", message))
        else:
            caller.answer((own, probabilities[at:end]))
        at = end


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    # What is no Exception (the interpreter ends) must not stay without an answer either.
    reason = error if isinstance(error, Exception) else RuntimeError(repr(error))
    for _, _, caller, _ in batch:
        if not caller.ended:
            caller.fail(reason)
