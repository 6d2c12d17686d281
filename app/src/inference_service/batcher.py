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

from .errors import ApiError, overloaded
from .model import INVALID, NO_PROBABILITIES, Outcome
from .settings import Settings

# How much a new measurement counts in the time of a run.
_NEWEST_SHARE = 0.1

# The prediction of a request: done with its outcome or an ApiError; cancelled if its client has disconnected.
Pending = asyncio.Future[Outcome]
# Rows packed as float32, their number, their prediction, and its deadline (by time.perf_counter).
# A plain tuple: a named one takes a tenth of the time of the prediction.
_Waiting = tuple[bytes, int, Pending, float]


class Batcher:
    """Runs `run` on the event loop, or in `executor` if there is one: right for models that take milliseconds.

    full_run_s: duration of a run of `max_batch_rows`, updated while serving; observe(seconds, rows): called per run.
    """

    def __init__(
        self,
        run: Callable[[bytes], Outcome],
        settings: Settings,
        full_run_s: float,
        observe: Callable[[float, int], None],
        executor: Executor | None = None,
    ) -> None:
        self._run = run
        self._max_batch_rows = settings.max_batch_rows
        self._max_queue_rows = settings.max_queue_rows
        self._max_queue_s = settings.max_queue_ms / 1000
        self._deadline_s = settings.deadline_ms / 1000
        self._full_run_s = full_run_s
        self._observe = observe
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.queued_rows = 0
        self._set_limit()

    def submit(self, buffer: bytes, rows: int, started: float) -> Pending:
        """Queue `rows` rows of a request that began at `started`; raises ApiError 503 if the queue is full.

        The prediction fails with ApiError 504 when the request's deadline passes.
        """
        self.check_room(rows)
        pending: Pending = self._loop.create_future()
        expires = started + self._deadline_s
        self._queue.append((buffer, rows, pending, expires))
        self.queued_rows += rows
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())
        if self._executor is not None:
            timer = self._loop.call_later(expires - time.perf_counter(), _fail, pending, _late())
            pending.add_done_callback(lambda _: timer.cancel())
        return pending

    def check_room(self, rows: int = 1) -> None:
        """Raises ApiError 503 if the queue has no room for `rows` more. The first request always has room."""
        if self._queue and self.queued_rows + rows > self._limit_rows:
            raise overloaded(f"{self.queued_rows} rows are waiting already; the limit is {self._limit_rows}")

    def _set_limit(self) -> None:
        """Let as many rows wait as recent runs answer within `max_queue_s`."""
        in_time = int(self._max_queue_s / max(self._full_run_s, 1e-6) * self._max_batch_rows)
        self._limit_rows = min(in_time, self._max_queue_rows)

    def _take(self) -> tuple[list[_Waiting], int]:
        """The next batch and its number of rows, without requests that are late or whose client has disconnected."""
        batch: list[_Waiting] = []
        total = 0
        now = time.perf_counter()
        while self._queue and (not batch or total + self._queue[0][1] <= self._max_batch_rows):
            waiting = self._queue.popleft()
            _, rows, pending, expires = waiting
            self.queued_rows -= rows
            if expires < now:
                _fail(pending, _late())
            elif not pending.done():
                batch.append(waiting)
                total += rows
        return batch, total

    async def _work(self) -> None:
        """Run the model until nothing is queued."""
        # One turn of the event loop later, all requests that are being read now are queued: they are the batch.
        await asyncio.sleep(0)
        # On the event loop all that is queued runs in one go. Between two runs, the loop would read new requests only
        # to refuse them, and those in the queue would wait for it.
        try:
            while self._queue:
                batch, rows = self._take()
                if batch:
                    await self._predict(batch, rows)
        finally:
            self._worker = None

    async def _predict(self, batch: list[_Waiting], rows: int) -> None:
        buffer = batch[0][0] if len(batch) == 1 else b"".join([waiting[0] for waiting in batch])
        start = time.perf_counter()
        try:
            if self._executor is None:
                outcome = self._run(buffer)
            else:
                outcome = await self._loop.run_in_executor(self._executor, self._run, buffer)
            self._deliver(batch, rows, outcome, time.perf_counter() - start)
        except BaseException as error:
            # Also what is no Exception (the interpreter ends) must leave no request without an answer.
            reason = error if isinstance(error, Exception) else RuntimeError(repr(error))
            for _, _, pending, _ in batch:
                _fail(pending, reason)
            if error is not reason:
                raise

    def _deliver(self, batch: list[_Waiting], rows: int, outcome: Outcome, seconds: float) -> None:
        self._observe(seconds, rows)
        # Small runs say little about full ones: part of the time does not depend on the rows.
        if rows * 2 >= self._max_batch_rows:
            full = seconds * self._max_batch_rows / rows
            self._full_run_s += (full - self._full_run_s) * _NEWEST_SHARE
            self._set_limit()
        classes, probabilities = outcome
        at = 0
        for _, count, pending, _ in batch:
            own = classes[at : at + count]
            if INVALID in own:
                message = f"The model gave {NO_PROBABILITIES} for row {own.index(INVALID)} (the first is row 0)"
                _fail(pending, ApiError(500, "invalid_output", message))
            elif not pending.done():
                pending.set_result((own, probabilities[at : at + count]))
            at += count


def _late() -> ApiError:
    return ApiError(504, "deadline_exceeded", "The request's deadline passed before the model could answer")


def _fail(pending: Pending, error: Exception) -> None:
    if not pending.done():
        pending.set_exception(error)
