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

from .app import create_app
from .http import Front
from .logs import Log
from .settings import Settings, SettingsError, from_environment
from .wire import Wire

EXIT_CONFIGURATION = 2


class Server(uvicorn.Server):
    """uvicorn, which refuses new connections as soon as it stops: here it stops only when the edge has drained.

    On the first SIGTERM or SIGINT the service is not ready but serves on for `drain_delay_s`; then requests in flight
    end, and the process exits 0 (uvicorn itself would end it by the signal). A second signal skips the delay.
    """

    def __init__(self, config: uvicorn.Config, app: Front, settings: Settings, log: Log) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._log = log

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self._app.service.state == "draining":
            self.should_exit = True
            return
        self._app.service.drain()
        self._log.event("info", "draining", delay_s=self._settings.drain_delay_s)
        asyncio.get_running_loop().call_later(self._settings.drain_delay_s, setattr, self, "should_exit", True)


class Forward(logging.Handler):
    """What uvicorn has to say, in the form of all other lines."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._log.event(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))


def configuration(app: Front, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Wire,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )


def main() -> int:
    log = Log()
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        log.event("error", "wrong settings", reason=str(error))
        return EXIT_CONFIGURATION
    if not settings.model_store and not Path(settings.model_path).is_dir():
        reason = f"MODEL_PATH: there is no folder '{settings.model_path}'; it must hold model.onnx and manifest.json"
        log.event("error", "wrong settings", reason=reason)
        return EXIT_CONFIGURATION
    logging.getLogger("uvicorn").addHandler(Forward(log))
    app = create_app(settings, log)
    log.event("info", "starting", version=settings.service_version, port=settings.port, model_path=settings.model_path)
    server = Server(configuration(app, settings), app, settings, log)
    server.run()
    if not server.started:
        return 1
    log.event("info", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
