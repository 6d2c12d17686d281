"""What the service can be told from outside, by environment variables. Each field is one, in upper case."""

import re
from collections.abc import Mapping

import msgspec

from .auth import MAX_KEYS


class SettingsError(ValueError):
    """The environment holds values that the service cannot run with; the message names each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    host: str = "0.0.0.0"
    port: int = 8080
    service_version: str = "v0.0.0-dev"
    service_revision: str = "unknown"

    # The embedded model: a folder with model.onnx and manifest.json.
    model_path: str = "/srv/model"
    # Version (and SHA-256) of the model that must be served; empty: whichever is there.
    model_version: str = ""
    model_sha256: str = ""
    # Where versions of models are stored, as s3://bucket/prefix; empty: the embedded model is served. With a store,
    # MODEL_NAME and MODEL_VERSION say what to fetch and MODEL_CACHE where to keep it.
    model_store: str = ""
    model_store_path_style: bool = False
    model_name: str = "breast-cancer"
    model_cache: str = "/tmp/models"

    # Most rows of one request.
    max_rows: int = 100
    # Most rows of one run of the model, over all requests that it answers.
    max_batch_rows: int = 256
    # Most rows that may wait for a run, and how long their runs may take, by what runs took of late; beyond either,
    # requests are refused with 503.
    max_queue_rows: int = 1600
    max_queue_ms: float = 500.0
    max_body_bytes: int = 1_048_576
    # From the first byte of a request to its answer.
    deadline_ms: float = 2000.0
    # A full batch that takes longer than this in the warm-up is run in a thread rather than on the event loop.
    inline_run_ms: float = 5.0

    # SHA-256 in hex of each valid API key, separated by commas, two at most; empty: no key is asked for.
    api_key_sha256: str = ""
    # Answers kept for identical inputs; 0: none.
    cache_entries: int = 0
    # Count inputs against the training distribution.
    drift: bool = False
    # OpenTelemetry collector, as http://host:4318; empty: no spans are sent.
    otel_exporter_otlp_endpoint: str = ""
    # Also write a log line for each probe (health, readiness, metrics).
    log_probes: bool = False

    # From SIGTERM: how long to keep serving while not ready, and how long requests in flight may then take.
    drain_delay_s: float = 1.0
    shutdown_timeout_s: int = 30
    # Idle connections are kept longer than the edge keeps them, so that the edge never uses one that was just closed.
    keep_alive_s: int = 75

    @property
    def api_key_hashes(self) -> list[str]:
        return [text.strip() for text in self.api_key_sha256.split(",") if text.strip()]


_LEAST: dict[str, float] = {
    "port": 1, "max_rows": 1, "max_batch_rows": 1, "max_queue_rows": 1, "max_queue_ms": 0, "max_body_bytes": 1024,
    "deadline_ms": 1, "inline_run_ms": 0, "cache_entries": 0, "drain_delay_s": 0, "shutdown_timeout_s": 1,
    "keep_alive_s": 1,
}  # fmt: skip
_KINDS: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
_SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch
_STORE = re.compile(r"s3://[^/]+(/.*)?").fullmatch
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*").fullmatch


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsError that names every wrong variable, not only the first."""
    values: dict[str, object] = {}
    problems = []
    for field in msgspec.structs.fields(Settings):
        variable = field.name.upper()
        text = environment.get(variable)
        if not text:
            continue
        try:
            value = values[field.name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError:
            problems.append(f"{variable} must be {_KINDS[field.type]}, not '{text}'")
            continue
        # `not >=` also refuses NaN.
        if field.name in _LEAST and not value >= _LEAST[field.name]:
            problems.append(f"{variable} must be at least {_LEAST[field.name]:g}, not '{text}'")
    settings = Settings(**values)  # type: ignore[arg-type]
    problems += _problems(settings)
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def _problems(settings: Settings) -> list[str]:
    """What is wrong with values that are right by themselves."""
    found = []
    if settings.port > 65535:
        found.append(f"PORT must be at most 65535, not {settings.port}")
    for name, value in (("MAX_BATCH_ROWS", settings.max_batch_rows), ("MAX_QUEUE_ROWS", settings.max_queue_rows)):
        if value < settings.max_rows:
            found.append(f"{name} ({value}) must not be below MAX_ROWS ({settings.max_rows})")
    hashes = settings.api_key_hashes
    if len(hashes) > MAX_KEYS or not all(map(_SHA256, hashes)):
        # The value is not repeated: somebody may have put the key itself there.
        found.append(f"API_KEY_SHA256 must be one or two SHA-256 in lower-case hex ({len(hashes)} given)")
    if settings.model_sha256 and not _SHA256(settings.model_sha256):
        found.append(f"MODEL_SHA256 must be 64 lower-case hex digits, not '{settings.model_sha256}'")
    if settings.model_store and not _STORE(settings.model_store):
        found.append(f"MODEL_STORE must look like s3://bucket/prefix, not '{settings.model_store}'")
    for name, text in (("MODEL_VERSION", settings.model_version), ("MODEL_NAME", settings.model_name)):
        if settings.model_store and not _NAME(text):
            found.append(f"{name} must say what to fetch from MODEL_STORE, not '{text}'")
    return found
