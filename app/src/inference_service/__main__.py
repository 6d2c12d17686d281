"""Run the service: `python -m inference_service`, settings from the environment (see `settings`)."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from .app import App, create_app
from .logs import Forward, Log
from .one_write import in_one_write
from .settings import Settings, SettingsError, from_environment

EXIT_CONFIGURATION = 2


class Server(uvicorn.Server):
    """uvicorn, which refuses new connections as soon as it stops: here it stops only when the edge has drained.

    On the first SIGTERM or SIGINT the service is not ready but serves on for `drain_delay_s`; then requests in flight
    end, and the process exits 0 (uvicorn itself would end it by the signal). A second signal skips the delay.
    """

    def __init__(self, app: App) -> None:
        super().__init__(configuration(app, app.settings))
        self._service = app.service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        if self._service.state == "draining":
            self.should_exit = True
            return
        delay_s = self._service.settings.drain_delay_s
        self._service.drain()
        self._service.log.event("info", "draining", delay_s=delay_s)
        asyncio.get_running_loop().call_later(delay_s, setattr, self, "should_exit", True)


def configuration(app: App, settings: Settings) -> uvicorn.Config:
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, loop="uvloop", http="httptools", ws="none", lifespan="on",
        interface="asgi3", log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s, timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )  # fmt: skip
    return in_one_write(config)


def main() -> int:
    log = Log()
    try:
        settings = from_environment(os.environ)
        if not settings.model_store and not Path(settings.model_path).is_dir():
            folder = settings.model_path
            raise SettingsError(f"MODEL_PATH: there is no folder '{folder}'; it must hold model.onnx and manifest.json")
    except SettingsError as error:
        log.event("error", "wrong settings", reason=str(error))
        return EXIT_CONFIGURATION
    logging.getLogger("uvicorn").addHandler(Forward(log))
    log.event("info", "starting", version=settings.service_version, port=settings.port, model_path=settings.model_path)
    server = Server(create_app(settings, log))
    server.run()
    if not server.started:
        return 1
    log.event("info", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
