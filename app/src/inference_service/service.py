"""What the service does, without HTTP: its state, its model, and the way of a request to it and back."""

import asyncio
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .batcher import Batcher
from .cache import Cache
from .codecs import Codec, InvocationsCodec, PredictCodec
from .drift import Drift
from .logs import Log
from .metrics import Metrics
from .model import Model, ModelError, Outcome, load
from .open_inference import InferCodec
from .records import PROBES, Records
from .settings import Settings
from .store import StoreUnavailable, model_folder

RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0


class Service:
    """loading → ready → draining; or loading → failed, with the reason in `reason`.

    endpoints: path → (route for metrics and logs, codec); empty until the model is loaded.
    """

    def __init__(self, settings: Settings, log: Log, metrics: Metrics) -> None:
        self.settings = settings
        self.log = log
        self.metrics = metrics
        self.records = Records(log, metrics, frozenset() if settings.log_probes else PROBES)
        self.state = "loading"
        self.reason = "the model is not loaded yet"
        self.model: Model | None = None
        self.model_version = ""
        self.endpoints: dict[str, tuple[str, Codec]] = {}
        self.batcher: Batcher | None = None
        self.cache: Cache | None = None
        self.drift: Drift | None = None
        # Whether `predict` does more than the batcher.
        self.notes_inputs = False
        self._executor: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Load the model in a thread, so that /health and /ready answer meanwhile. Never raises: see `state`.

        A store that does not answer is asked again until it does: the process stays, not ready and saying why, rather
        than be restarted in a loop.
        """
        started = time.perf_counter()
        pause_s = RETRY_FIRST_S
        while True:
            try:
                model, full_batch_s = await asyncio.to_thread(self._load)
                runs = self._serve(model, full_batch_s)
                break
            except StoreUnavailable as error:
                self.reason = str(error)
                self.log.event("warning", "not ready yet", reason=self.reason, retry_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MOST_S)
            except Exception as error:
                unknown = f"Failed to load the model: {type(error).__name__}: {error}"
                self.reason = str(error) if isinstance(error, ModelError) else unknown
                self.state = "failed"
                self.log.event("error", "not ready", reason=self.reason)
                return
        names = {"model": model.manifest.name, "model_version": self.model_version, "sha256": model.manifest.sha256}
        load_ms, batch_ms = round((time.perf_counter() - started) * 1000), round(full_batch_s * 1000, 3)
        self.log.event("info", "ready", **names, load_ms=load_ms, full_batch_ms=batch_ms, runs=runs)

    def _load(self) -> tuple[Model, float]:
        settings = self.settings
        folder = model_folder(settings) if settings.model_store else Path(settings.model_path)
        model = load(folder, settings.model_version, settings.model_sha256)
        return model, model.warm_up(settings.max_batch_rows)

    def _serve(self, model: Model, full_batch_s: float) -> str:
        settings = self.settings
        manifest = model.manifest
        inline = full_batch_s * 1000 <= settings.inline_run_ms
        if not inline:
            self._executor = ThreadPoolExecutor(1, "model")
        self.batcher = Batcher(
            model.run, max_batch_rows=settings.max_batch_rows, max_queue_rows=settings.max_queue_rows,
            max_queue_s=settings.max_queue_ms / 1000, full_run_s=full_batch_s, deadline_s=settings.deadline_ms / 1000,
            observe=self.metrics.run, executor=self._executor,
        )  # fmt: skip
        if settings.cache_entries:
            self.cache = Cache(settings.cache_entries)
        if settings.drift and manifest.distribution:
            self.drift = Drift(manifest)
        self.notes_inputs = self.cache is not None or self.drift is not None
        infer = "/v2/models/{model}/infer", InferCodec(model, settings.max_rows)
        self.model = model
        self.model_version = self.records.model_version = manifest.version
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
        return "inline" if inline else "in a thread"

    async def predict(self, batcher: Batcher, buffer: bytes, rows: int, started: float) -> Outcome:
        """What the model says of packed rows, by way of the drift counters and the cache."""
        if self.drift is not None:
            self.drift.add(buffer)
        outcome = self.cache.get(buffer) if self.cache is not None else None
        if outcome is None:
            outcome = await batcher.submit(buffer, rows, started)
            if self.cache is not None:
                self.cache.put(buffer, outcome)
        return outcome

    def drain(self) -> None:
        """From now on not ready, but requests are still answered."""
        self.state, self.reason = "draining", "it was told to stop"

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        self.records.flush()
