"""What the service does, without HTTP: its state, its model, and predictions through cache, drift and batcher."""

from __future__ import annotations

import asyncio
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .batcher import Batcher, Pending
from .cache import Cache
from .codecs import Codec, InvocationsCodec, PredictCodec
from .drift import Drift
from .errors import not_ready
from .infer import InferCodec
from .logs import Log
from .metrics import Metrics
from .model import Manifest, Model, ModelError, load
from .settings import Settings
from .store import StoreUnavailable, model_folder

RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
GARBAGE_THRESHOLD = 20_000


class Service:
    """loading → ready → draining; or loading → failed, with the reason in `reason`.

    endpoints: path → (route for metrics and logs, codec); empty until the model is loaded.
    """

    def __init__(self, settings: Settings, log: Log, metrics: Metrics) -> None:
        self.settings, self.log, self.metrics = settings, log, metrics
        self.state, self.reason = "loading", "the model is not loaded yet"
        self.model: Model | None = None
        self.model_version = ""
        self.endpoints: dict[str, tuple[str, Codec]] = {}
        self.batcher: Batcher | None = None
        self.cache: Cache | None = None
        self.drift: Drift | None = None
        # Only for a model that is slow.
        self.executor: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Load the model in a thread, so that /health and /ready answer meanwhile. Never raises: see `state`.

        If the store does not answer, it is asked again until it does. Meanwhile the process stays up, not ready, and
        gives the reason: better than a loop of restarts.
        """
        started = time.perf_counter()
        pause_s = RETRY_FIRST_S
        while self.state == "loading":
            try:
                model, full_batch_s = await asyncio.to_thread(self._load)
                self._serve(model, full_batch_s, started)
                return
            except StoreUnavailable as error:
                self.reason = str(error)
                self.log.event("warning", "not ready yet", reason=self.reason, retry_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MOST_S)
            except Exception as error:
                known = isinstance(error, ModelError)
                self.reason = str(error) if known else f"Failed to load the model: {type(error).__name__}: {error}"
                self.state = "failed"
                self.log.event("error", "not ready", reason=self.reason)

    def _load(self) -> tuple[Model, float]:
        settings = self.settings
        folder = model_folder(settings) if settings.model_store else Path(settings.model_path)
        model = load(folder, settings.model_version, settings.model_sha256)
        return model, model.warm_up(settings.max_batch_rows)

    def _serve(self, model: Model, full_batch_s: float, started: float) -> None:
        settings, manifest = self.settings, model.manifest
        if full_batch_s * 1000 > settings.inline_run_ms:
            self.executor = ThreadPoolExecutor(1, "model")
        self.batcher = Batcher(model.run, settings, full_batch_s, self.metrics.run, self.executor)
        if settings.cache_entries:
            self.cache = Cache(settings.cache_entries)
        if settings.drift and manifest.distribution:
            self.drift = Drift(manifest)
        self.model, self.model_version = model, manifest.version
        infer = ("/v2/models/{model}/infer", InferCodec(model, settings.max_rows))
        self.endpoints |= {
            "/predict": ("/predict", PredictCodec(model, settings.max_rows)),
            "/invocations": ("/invocations", InvocationsCodec(model, settings.max_rows)),
            f"/v2/models/{manifest.name}/infer": infer,
            f"/v2/models/{manifest.name}/versions/{manifest.version}/infer": infer,
        }
        if self.state == "loading":
            self.state, self.reason = "ready", ""
        # What was imported and loaded stays until the end: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        # The default is to look through the objects of every other batch, and requests leave no cycles behind.
        gc.set_threshold(GARBAGE_THRESHOLD)
        times = {
            "load_ms": round((time.perf_counter() - started) * 1000), "full_batch_ms": round(full_batch_s * 1000, 3),
        }  # fmt: skip
        names = {"model": manifest.name, "model_version": manifest.version, "sha256": manifest.sha256}
        self.log.event("info", "ready", **names, **times, runs="in a thread" if self.executor else "inline")

    def check_room(self) -> None:
        """Raises ApiError 503 if there is no room for another request."""
        if self.batcher is not None:
            self.batcher.check_room()

    def submit(self, buffer: bytes, rows: int, started: float) -> Pending:
        """Have packed rows of a request that began at `started` predicted; raises ApiError 503 if the queue is full."""
        assert self.batcher is not None
        if self.drift is not None:
            self.drift.add(buffer, rows)
        if self.cache is None:
            return self.batcher.submit(buffer, rows, started)
        known = self.cache.get(buffer)
        if known is None:
            pending = self.batcher.submit(buffer, rows, started)
            pending.add_done_callback(partial(self.cache.keep, buffer))
        else:
            pending = asyncio.get_running_loop().create_future()
            pending.set_result(known)
        return pending

    @property
    def manifest(self) -> Manifest:
        """The model's; raises ApiError 503 while there is none."""
        if self.model is None:
            raise not_ready(self.state, self.reason)
        return self.model.manifest

    def model_labels(self) -> dict[str, str]:
        """What identifies the model; empty if there is none."""
        if self.model is None:
            return {}
        return {"name": self.manifest.name, "version": self.manifest.version, "sha256": self.manifest.sha256}

    def render_metrics(self) -> str:
        release = {"version": self.settings.service_version, "revision": self.settings.service_revision}
        queued_rows = self.batcher.queued_rows if self.batcher else 0
        ready = self.state == "ready"
        return self.metrics.render(queued_rows, ready, self.model_labels(), release, self.cache, self.drift)

    def drain(self) -> None:
        """From now on not ready, but requests are still answered."""
        self.state, self.reason = "draining", "it received a signal to stop"

    def close(self) -> None:
        if self.executor is not None:
            self.executor.shutdown(wait=True)
        self.log.flush()
