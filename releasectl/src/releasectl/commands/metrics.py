"""The status as metrics of Prometheus, in the text format that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..documents.timestamps import parse
from ..startup.fast_dataclass import dataclass

Read = Callable[[dict[str, Any]], float | bool | None]
ROLLOUTS = ("deploy", "rollback")


@dataclass(frozen=True)
class Metric:
    name: str
    help: str
    read: Read
    """From the document of the status; None: unknown, so there is no sample."""


def _check(name: str) -> Read:
    return lambda doc: doc["checks"][name]


def _ends(doc: dict[str, Any]) -> float | None:
    ends = doc["checks"]["certificate_ends"]
    return parse(ends) if ends else None


def _changed(doc: dict[str, Any]) -> float | None:
    files = doc["checks"]["changed_files"]
    return None if files is None else len(files)


METRICS = (
    Metric("slipway_serving", "1: clients are served, by the public name over TLS. No sample: unknown.",
           lambda doc: doc["serving"]),
    Metric("slipway_serving_seconds", "How long the request took that slipway_serving comes from.",
           lambda doc: doc["client"]["ms"] / 1000 if doc["client"]["status"] else None),
    Metric("slipway_maintenance", "1: an operator serves the maintenance page.", lambda doc: bool(doc["maintenance"])),
    Metric("slipway_live", "1: a release is live.", lambda doc: bool(doc["live"])),
    Metric("slipway_healthy", "1: the live slot is ready.", lambda doc: doc["healthy"]),
    Metric("slipway_failover", "1: the standby serves, because the live slot is down.",
           lambda doc: bool(doc["failover"])),
    Metric("slipway_troubles", "Number of troubles in the status.", lambda doc: len(doc["troubles"])),
    Metric("slipway_recovery_timer_active", "1: the recovery timer runs and is enabled.", _check("recovery_timer")),
    Metric("slipway_watchdog_timer_active", "1: the watchdog timer runs and is enabled.", _check("watchdog_timer")),
    Metric("slipway_docker_up", "1: Docker answers.", _check("docker")),
    Metric("slipway_edge_up", "1: HAProxy answers on its socket.", _check("edge")),
    Metric("slipway_certificate_ok", "1: HAProxy serves certbot's certificate, in time, and its hook can run.",
           _check("certificate")),
    Metric("slipway_certificate_expiry_seconds", "Expiry of the certificate on port 443, in Unix time.", _ends),
    Metric("slipway_registry_up", "1: the registry of the live image accepts connections.", _check("registry")),
    Metric("slipway_model_store_up", "1: the model store of the live release accepts connections.",
           _check("model_store")),
    Metric("slipway_changed_files", "Number of files that were changed since the last converge.", _changed),
    Metric("slipway_rollout_running", "1: a deploy or a rollback runs, also while its canary is on hold.",
           lambda doc: bool(doc["changing"]) and doc["changing"].startswith(ROLLOUTS)),
    Metric("slipway_canary_running", "1: a canary runs.", lambda doc: bool(doc["canary"])),
    Metric("slipway_canary_held", "1: a canary is on hold until an operator ends it.",
           lambda doc: bool(doc["canary"]) and doc["canary"]["state"] == "hold"),
    Metric("slipway_last_rollout_failed", "1: the newest deploy or rollback failed.",
           lambda doc: bool(doc["last_failure"])),
    Metric("slipway_last_change_timestamp_seconds", "When the live release went live, in Unix time.",
           lambda doc: parse(doc["live"]["since"]) if doc["live"] else None),
)  # fmt: skip
INFO, WRITTEN = "slipway_info", "slipway_status_timestamp_seconds"


def metrics_text(doc: dict[str, Any], now: float) -> str:
    """`doc`: the document of the status, as of `now` (seconds since the epoch)."""
    service = doc["service"]
    release = doc["live"]["release"] if doc["live"] else {}
    labels = {
        "service": service,
        "version": release.get("version", ""),
        "digest": release.get("digest", ""),
        "model_version": release.get("model_version") or "",
        "slot": doc["live"]["slot"] if doc["live"] else "",
    }
    lines = _sample(INFO, "What is live; always 1.", labels, 1)
    lines += _sample(WRITTEN, "When these metrics were read, in Unix time.", {"service": service}, now)
    for metric in METRICS:
        value = metric.read(doc)
        if value is not None:
            lines += _sample(metric.name, metric.help, {"service": service}, value)
    return "\n".join(lines) + "\n"


def _sample(name: str, text: str, labels: dict[str, str], value: float) -> list[str]:
    named = ",".join(f'{key}="{_escaped(it)}"' for key, it in labels.items())
    shown = int(value) if value == int(value) else round(value, 3)
    return [f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name}{{{named}}} {shown}"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
