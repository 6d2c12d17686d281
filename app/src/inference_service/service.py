"""What the service does, without HTTP: its state, its model, from a request's bytes to an answer's bytes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import msgspec

from .batcher import Batcher
from .errors import ApiError, not_ready
from .logs import Log
from .metrics import Metrics
from .model import Model, ModelError, Outcome, load
from .settings import Settings

# The largest number that float32 holds: beyond it a feature would become infinite on its way to the model.
FLOAT32_MAX = 3.4028234e38
_PATH = re.compile(r" - at `\$\.?(.+)`$")
_INDEX = re.compile(r"^instances\[(\d+)\]\[(\d+)\]")


class Service:
    """loading → ready → draining; or loading → failed, with the reason in `reason`."""

    def __init__(self, settings: Settings, log: Log, metrics: Metrics) -> None:
        self.settings = settings
        self.log = log
        self.metrics = metrics
        self.state = "loading"
        self.reason = "the model is not loaded yet"
        self.model: Model | None = None
        self.model_version = ""
        self._batcher: Batcher | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._decode: Callable[[bytes], Any] | None = None
        self._row_texts: list[bytes] = []
        self._tail = b""

    @property
    def queued_rows(self) -> int:
        return self._batcher.queued_rows if self._batcher else 0

    async def start(self) -> None:
        """Load the model in a thread, so that /health and /ready answer meanwhile. Never raises: see `state`."""
        started = time.perf_counter()
        settings = self.settings
        try:
            model, full_batch_s = await asyncio.to_thread(self._load)
        except ModelError as error:
            self._failed(str(error))
            return
        except Exception as error:
            self._failed(f"Failed to load the model: {type(error).__name__}: {error}")
            return
        inline = full_batch_s * 1000 <= settings.inline_run_ms
        if not inline:
            self._executor = ThreadPoolExecutor(1, "model")
        self._batcher = Batcher(
            model.run,
            max_batch_rows=settings.max_batch_rows,
            max_queue_rows=settings.max_queue_rows,
            observe=self.metrics.run,
            executor=self._executor,
        )
        self._decode = _decoder(model.width)
        self._row_texts = [
            b'{"label":%s,"probability":%%.6f}' % msgspec.json.encode(name).replace(b"%", b"%%")
            for name in model.manifest.classes
        ]
        self._tail = b'],"model_version":%s}' % msgspec.json.encode(model.manifest.version)
        self.model = model
        self.model_version = model.manifest.version
        if self.state == "loading":
            self.state, self.reason = "ready", ""
        self.log.event(
            "info",
            "ready",
            model=model.manifest.name,
            model_version=self.model_version,
            sha256=model.manifest.sha256,
            load_ms=round((time.perf_counter() - started) * 1000),
            full_batch_ms=round(full_batch_s * 1000, 3),
            runs="inline" if inline else "in a thread",
        )

    def _load(self) -> tuple[Model, float]:
        model = load(Path(self.settings.model_path), self.settings.model_version)
        return model, model.warm_up(self.settings.max_batch_rows)

    def _failed(self, reason: str) -> None:
        self.state, self.reason = "failed", reason
        self.log.event("error", "not ready", reason=reason)

    def drain(self) -> None:
        """From now on not ready, but requests are still answered."""
        self.state, self.reason = "draining", "it was told to stop"

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        self.log.flush()

    async def predict(self, body: bytes) -> tuple[bytes, int]:
        """Answer a prediction request; gives the answer and its number of rows. Raises ApiError."""
        model, batcher, decode = self.model, self._batcher, self._decode
        if model is None or batcher is None or decode is None:
            raise not_ready(self.state, self.reason)
        try:
            rows = decode(body).instances
        except msgspec.ValidationError as error:
            raise self._invalid(str(error), model) from None
        except msgspec.DecodeError as error:
            raise ApiError(400, "malformed_json", f"The body is not JSON: {error}") from None
        count = len(rows)
        if count > self.settings.max_rows:
            limit = self.settings.max_rows
            raise ApiError(
                422, "too_many_rows", f"{count} rows were sent; the limit is {limit} a request", field="instances"
            )
        pack = model.pack
        buffer = pack(*rows[0]) if count == 1 else b"".join([pack(*row) for row in rows])
        return self._encode(await batcher.submit(buffer, count)), count

    def _encode(self, outcome: Outcome) -> bytes:
        texts = self._row_texts
        rows = [texts[number] % value for number, value in zip(outcome.classes, outcome.probabilities, strict=True)]
        return b'{"predictions":[%s%s' % (b",".join(rows), self._tail)

    @staticmethod
    def _invalid(text: str, model: Model) -> ApiError:
        found = _PATH.search(text)
        path = found[1] if found else ""
        message = text[: found.start()] if found else text
        index = _INDEX.match(path)
        if index:
            message = f"{message} for feature '{model.manifest.features[int(index[2])]}'"
        return ApiError(422, "invalid_input", message, field=path or None)


def _decoder(width: int) -> Callable[[bytes], Any]:
    """A JSON decoder that checks types, counts and ranges while it reads."""
    number = Annotated[float, msgspec.Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
    row = Annotated[list[number], msgspec.Meta(min_length=width, max_length=width)]  # type: ignore[valid-type]
    rows = Annotated[list[row], msgspec.Meta(min_length=1)]  # type: ignore[valid-type]
    request = msgspec.defstruct("PredictRequest", [("instances", rows)], forbid_unknown_fields=True)
    return msgspec.json.Decoder(request).decode
