"""What the service can be told from outside, by environment variables. Each field is one, in upper case."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class SettingsError(ValueError):
    """The environment holds values that the service cannot run with; the message names each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str = "0.0.0.0"
    port: int = msgspec.field(default=8080)
    service_version: str = "v0.0.0-dev"
    service_revision: str = "unknown"
    # Folder with model.onnx and manifest.json.
    model_path: str = "/srv/model"
    # Version of the model that must be served; empty: whichever is there.
    model_version: str = ""
    # Most rows of one request.
    max_rows: int = 100
    # Most rows of one run of the model, over all requests that it answers.
    max_batch_rows: int = 256
    # Most rows that may wait for a run; beyond it requests are refused with 503.
    max_queue_rows: int = 2048
    max_body_bytes: int = 1_048_576
    # A run that takes longer than this in the warm-up is moved off the event loop to a thread.
    inline_run_ms: float = 5.0
    # From SIGTERM: how long to keep serving while not ready, and how long requests in flight may then take.
    drain_delay_s: float = 1.0
    shutdown_timeout_s: int = 30
    # Idle connections are kept longer than the edge keeps them, so that the edge never uses one that was just closed.
    keep_alive_s: int = 75
    # Also write a log line for each probe (health, readiness, metrics).
    log_probes: bool = False


_LEAST: dict[str, float] = {
    "port": 1, "max_rows": 1, "max_batch_rows": 1, "max_queue_rows": 1, "max_body_bytes": 1024, "inline_run_ms": 0,
    "drain_delay_s": 0, "shutdown_timeout_s": 1, "keep_alive_s": 1,
}  # fmt: skip


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsError that names every wrong variable, not only the first."""
    values: dict[str, object] = {}
    problems = []
    for field in msgspec.structs.fields(Settings):
        variable = field.name.upper()
        text = environment.get(variable)
        if text is None or text == "":
            continue
        try:
            value = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError:
            kind = {int: "a whole number", float: "a number", bool: "true or false"}.get(field.type, "a text")
            problems.append(f"{variable} must be {kind}, not '{text}'")
            continue
        least = _LEAST.get(field.name)
        # `not >=` also refuses NaN.
        if least is not None and not value >= least:
            problems.append(f"{variable} must be at least {least:g}, not '{text}'")
        elif field.name == "port" and value > 65535:
            problems.append(f"{variable} must be at most 65535, not '{text}'")
        else:
            values[field.name] = value
    settings = Settings(**values)  # type: ignore[arg-type]
    if settings.max_batch_rows < settings.max_rows:
        problems.append(f"MAX_BATCH_ROWS ({settings.max_batch_rows}) must not be below MAX_ROWS ({settings.max_rows})")
    if settings.max_queue_rows < settings.max_rows:
        problems.append(f"MAX_QUEUE_ROWS ({settings.max_queue_rows}) must not be below MAX_ROWS ({settings.max_rows})")
    if problems:
        raise SettingsError("; ".join(problems))
    return settings
