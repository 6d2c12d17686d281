"""Run the service: `python -m inference_service`, settings from the environment (see `settings`)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop

from .http import Application
from .logs import Log
from .settings import Settings, SettingsError, from_environment
from .tracing import Exporter

EXIT_CONFIGURATION = 2
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """uvicorn refuses new connections as soon as it stops; this one stops only after the edge has drained it.

    On the first SIGTERM or SIGINT the service is not ready but serves on for `drain_delay_s`; then requests in flight
    end, and the process exits 0 (uvicorn itself would end it by the signal). A second signal skips the delay.
    """

    def __init__(self, app: Application, settings: Settings) -> None:
        super().__init__(configuration(app, settings))
        self._app = app
        self._drain_delay_s = settings.drain_delay_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop)
        yield
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self._app.service.state == "draining":
            self.should_exit = True
            return
        self._app.service.drain()
        self._app.log.event("info", "draining", delay_s=self._drain_delay_s)
        asyncio.get_running_loop().call_later(self._drain_delay_s, setattr, self, "should_exit", True)


class Forward(logging.Handler):
    """uvicorn's messages, in the form of all other lines."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._log.event(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))


def configuration(app: Application, settings: Settings) -> uvicorn.Config:
    # zttp also reads the body of a request with `Upgrade: h2c`, as Java's clients send it; httptools loses it.
    return uvicorn.Config(
        app, interface="asgi3", host=settings.host, port=settings.port, http="zttp", ws="none", lifespan="off",
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s, timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )  # fmt: skip


async def serve(app: Application, settings: Settings) -> bool:
    """Serve until a signal stops it; returns whether it started."""
    server = Server(app, settings)
    if settings.otel_exporter_otlp_endpoint:
        app.exporter = Exporter(settings.otel_exporter_otlp_endpoint, settings.service_version)
    # Not awaited: /health and /ready answer while the model loads.
    loading = asyncio.create_task(app.service.start())
    await server.serve()
    loading.cancel()
    await asyncio.gather(loading, return_exceptions=True)
    if app.exporter is not None:
        await asyncio.to_thread(app.exporter.close)
    app.service.close()
    return server.started


def main() -> int:
    log = Log()
    try:
        settings = from_environment(os.environ)
        if not settings.model_store and not Path(settings.model_path).is_dir():
            reason = f"there is no directory '{settings.model_path}'; it must hold model.onnx and manifest.json"
            raise SettingsError(f"MODEL_PATH: {reason}")
    except SettingsError as error:
        log.event("error", "wrong settings", reason=str(error))
        return EXIT_CONFIGURATION
    logging.getLogger("uvicorn").addHandler(Forward(log))
    log.event("info", "starting", version=settings.service_version, port=settings.port, model_path=settings.model_path)
    if not uvloop.run(serve(Application(settings, log), settings)):
        return 1
    log.event("info", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
