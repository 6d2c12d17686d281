"""The application: `create_app(settings)` gives an ASGI application; nothing is read at import."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from .errors import ApiError
from .http import Front
from .logs import Log
from .metrics import Metrics
from .routes import api_error, http_error, internal_error, routes
from .service import Service
from .settings import Settings
from .tracing import Exporter


def create_app(settings: Settings, log: Log | None = None) -> Front:
    """The ASGI application; its service is `.service`. The model loads when the application starts."""
    service = Service(settings, log or Log(), Metrics())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if settings.otel_exporter_otlp_endpoint:
            app.desk.exporter = Exporter(settings.otel_exporter_otlp_endpoint, settings.service_version)
        # Not awaited: the socket must listen, and /health and /ready answer, while the model loads.
        loading = asyncio.create_task(service.start())
        yield
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        if app.desk.exporter is not None:
            await asyncio.to_thread(app.desk.exporter.close)
        service.close()

    starlette = Starlette(
        routes=routes(service),
        lifespan=lifespan,
        exception_handlers={HTTPException: http_error, ApiError: api_error, Exception: internal_error},
    )
    # A redirect to the path without the slash would be absolute, with the scheme and host of a request that came by way
    # of the edge: http, and whatever its client said.
    starlette.router.redirect_slashes = False
    app = Front(service, starlette)
    return app
