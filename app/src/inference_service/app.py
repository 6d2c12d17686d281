"""The application: `create_app(settings)` gives an ASGI application; nothing is read at import."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .errors import ApiError, error_body, not_ready
from .http import PREDICT_PATHS, Front
from .logs import Log
from .metrics import Metrics
from .service import Service
from .settings import Settings


class Application(Front):
    """The ASGI application, with its service at hand for whoever runs it."""

    service: Service


def create_app(settings: Settings, log: Log | None = None) -> Application:
    service = Service(settings, log or Log(), Metrics())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Not awaited: the socket must listen, and /health and /ready answer, while the model loads.
        loading = asyncio.create_task(service.start())
        yield
        await loading
        service.close()

    routes = _routes(service)
    starlette = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, ApiError: _api_error, Exception: _internal_error},
    )
    app = Application(service, starlette, {route.path for route in routes} | PREDICT_PATHS)
    app.service = service
    return app


def _routes(service: Service) -> list[Route]:
    settings = service.settings

    async def health(_: Request) -> Response:
        return _json({"status": "alive"})

    async def ready(_: Request) -> Response:
        if service.state != "ready":
            raise not_ready(service.state, service.reason)
        return _json({"status": "ready", "model_version": service.model_version})

    async def version(_: Request) -> Response:
        model = service.model.manifest if service.model else None
        return _json(
            {
                "version": settings.service_version,
                "commit": settings.service_revision,
                "model": {"name": model.name, "version": model.version, "sha256": model.sha256} if model else None,
            }
        )

    async def metrics(_: Request) -> Response:
        model = service.model.manifest if service.model else None
        text = service.metrics.render(
            queued_rows=service.queued_rows,
            ready=service.state == "ready",
            model={"name": model.name, "version": model.version, "sha256": model.sha256} if model else {},
            release={"version": settings.service_version, "revision": settings.service_revision},
        )
        return Response(text, media_type="text/plain; version=0.0.4")

    return [
        Route("/health", health),
        Route("/ready", ready),
        Route("/version", version),
        Route("/metrics", metrics),
    ]


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def _error(request: Request, error: ApiError, headers: dict[str, str] | None = None) -> Response:
    if error.retry_after_s is not None:
        headers = {**(headers or {}), "retry-after": str(error.retry_after_s)}
    body = error_body(error, request.state.request_id)
    return Response(body, error.status, headers, media_type="application/json")


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return _error(request, ApiError(error.status_code, code, str(error.detail)), dict(error.headers or {}))


async def _internal_error(request: Request, error: Exception) -> Response:
    return _error(request, ApiError(500, "internal", "The service failed"))
