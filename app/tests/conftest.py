"""Shared by all tests: the trained model, made once a run, and the application with it loaded."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.lifespan.off import LifespanOff

# The tests have an S3 of their own, whatever the shell and its files say.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

APP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(APP / "src"))

from inference_service.__main__ import configuration  # noqa: E402
from inference_service.app import App, create_app  # noqa: E402
from inference_service.logs import Log  # noqa: E402
from inference_service.settings import Settings  # noqa: E402

from .connections import TIMEOUT_S, Listen, Listening, until  # noqa: E402


class Client(httpx.AsyncClient):
    """Speaks to an application without a socket; the application and its log file are at hand."""

    app: App
    log_file: Path

    def lines(self) -> list[dict[str, Any]]:
        self.app.service.records.flush()
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]


def problem(answer: httpx.Response) -> dict[str, Any]:
    """What an answer says went wrong: code, message, request_id, field; on /v2 paths the message is `error` itself."""
    body: dict[str, Any] = answer.json()
    if answer.request.url.path.startswith("/v2"):
        return {"message": body.pop("error"), **body}
    (detail,) = body.values()
    return dict(detail)


Running = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that train.py made."""
    out = tmp_path_factory.mktemp("model")
    subprocess.run([sys.executable, APP / "tools" / "train.py", "--out", out], check=True, timeout=120)
    return out


@pytest.fixture(scope="session")
def golden() -> list[dict[str, Any]]:
    """The committed golden requests."""
    requests: list[dict[str, Any]] = json.loads((APP / "golden.json").read_text())
    return requests


@pytest.fixture(scope="session")
def row(golden: list[dict[str, Any]]) -> list[float]:
    """A malignant one."""
    values: list[float] = golden[0]["body"]["instances"][0]
    return values


@pytest.fixture
def running(model_path: Path, tmp_path: Path) -> Running:
    """`async with running(cache_entries=2) as client:` starts the application with these settings."""

    @asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[Client]:
        log_file = tmp_path / "log"
        fd = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        settings = Settings(**{"model_path": str(model_path), "service_version": "v1.2.3", **changes})
        app = create_app(settings, Log(fd))
        try:
            await app.service.start()
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with Client(transport=transport, base_url="http://service") as client:
                client.app, client.log_file = app, log_file
                yield client
        finally:
            app.service.close()
            os.close(fd)

    return start


@pytest.fixture
def listening(running: Running) -> Listen:
    @asynccontextmanager
    async def listen(**changes: Any) -> AsyncIterator[Listening]:
        async with running(host="127.0.0.1", **changes) as client:
            settings = client.app.service.settings
            config = configuration(client.app, settings)
            # It is loaded, so `config.lifespan` says nothing any more. On, it would start the service once more, and
            # replace what a test has put into it.
            config.port, config.lifespan_class = 0, LifespanOff
            server = uvicorn.Server(config)
            # Not `serve`: the signals are pytest's.
            task = asyncio.create_task(server._serve())
            await until(lambda: server.started)
            service = Listening(client, server)
            try:
                yield service
            finally:
                await service.close()
                async with asyncio.timeout(TIMEOUT_S):
                    await task

    return listen
