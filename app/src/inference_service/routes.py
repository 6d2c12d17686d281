"""The routes that are not in a hurry: liveness, readiness, version, metrics, the model's metadata, documentation."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .codecs import INPUT_NAME
from .errors import ApiError, error_body, not_ready
from .infer import InferCodec
from .openapi import PAGE_POLICY, document, page
from .service import Service


def routes(service: Service) -> list[Route]:
    settings = service.settings

    def model_labels() -> dict[str, str]:
        model = service.model
        if model is None:
            return {}
        manifest = model.manifest
        return {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}

    def require_ready() -> None:
        if service.state != "ready":
            raise not_ready(service.state, service.reason)

    async def health(_: Request) -> Response:
        return _json({"status": "alive"})

    async def ready(_: Request) -> Response:
        require_ready()
        return _json({"status": "ready", "model_version": service.model_version})

    async def version(_: Request) -> Response:
        release = {"version": settings.service_version, "commit": settings.service_revision}
        return _json({**release, "model": model_labels() or None})

    async def metrics(_: Request) -> Response:
        text = service.metrics.render(
            queued_rows=service.queued_rows,
            ready=service.state == "ready",
            model=model_labels(),
            release={"version": settings.service_version, "revision": settings.service_revision},
            cache=service.cache,
            drift=service.drift,
        )
        return Response(text, media_type="text/plain; version=0.0.4")

    async def openapi(_: Request) -> Response:
        return _json(document(service))

    async def docs(_: Request) -> Response:
        # The edge's own policy is for answers that have none, and forbids styles.
        return HTMLResponse(page(document(service)), headers={"content-security-policy": PAGE_POLICY})

    async def v2_live(_: Request) -> Response:
        return _json({"live": True})

    async def v2_ready(_: Request) -> Response:
        require_ready()
        return _json({"ready": True})

    async def v2_server(_: Request) -> Response:
        return _json({"name": "inference", "version": settings.service_version, "extensions": ["binary_tensor_data"]})

    def known_model(request: Request) -> None:
        """Raises unless the path names the model, and the version, that is served."""
        if service.model is None:
            raise not_ready(service.state, service.reason)
        manifest = service.model.manifest
        name = request.path_params["model"]
        wanted = request.path_params.get("version", manifest.version)
        if name != manifest.name or wanted != manifest.version:
            raise ApiError(404, "no_such_model", f"This service serves {manifest.name} {manifest.version} only")

    async def v2_model(request: Request) -> Response:
        known_model(request)
        assert service.model is not None
        manifest = service.model.manifest
        return _json(
            {
                "name": manifest.name,
                "versions": [manifest.version],
                "platform": "onnx_onnxv1",
                "inputs": [{"name": INPUT_NAME, "datatype": "FP32", "shape": [-1, len(manifest.features)]}],
                "outputs": [
                    {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in InferCodec.OUTPUTS
                ],
            }
        )

    async def v2_model_ready(request: Request) -> Response:
        known_model(request)
        require_ready()
        return _json({"name": request.path_params["model"], "ready": True})

    async def predict(_: Request) -> Response:
        """Only reached while there is no model: with one, `http` answers before Starlette is asked."""
        raise not_ready(service.state, service.reason)

    async def v2_infer(request: Request) -> Response:
        """Reached while there is no model, or for one that is not served."""
        known_model(request)
        raise not_ready(service.state, service.reason)

    model_path = "/v2/models/{model}"
    version_path = f"{model_path}/versions/{{version}}"
    return [
        Route("/health", health),
        Route("/ready", ready),
        Route("/version", version),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/docs", docs),
        Route("/predict", predict, methods=["POST"]),
        Route("/ping", ready),
        Route("/invocations", predict, methods=["POST"]),
        Route("/v2", v2_server),
        Route("/v2/health/live", v2_live),
        Route("/v2/health/ready", v2_ready),
        Route(model_path, v2_model),
        Route(f"{model_path}/ready", v2_model_ready),
        Route(f"{model_path}/infer", v2_infer, methods=["POST"]),
        Route(version_path, v2_model),
        Route(f"{version_path}/ready", v2_model_ready),
        Route(f"{version_path}/infer", v2_infer, methods=["POST"]),
    ]


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _error(request: Request, error: ApiError, headers: dict[str, str] | None = None) -> Response:
    own = {name.decode(): value.decode() for name, value in error.headers}
    body = error_body(error, request.state.request_id, request.scope["path"])
    return Response(body, error.status, {**(headers or {}), **own}, media_type="application/json")


async def api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error(request, error)


async def http_error(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    # Not the path of `request.url`, which is made of the Host header too: whatever a client wrote there.
    path, method = request.scope["path"], request.method
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        wrong = ApiError(405, "method_not_allowed", f"{path} takes {allowed}, not {method}")
    elif error.status_code == 404:
        wrong = ApiError(404, "not_found", f"There is nothing at {path}; see /docs")
    else:
        wrong = ApiError(error.status_code, "http_error", str(error.detail))
    return _error(request, wrong, dict(error.headers or {}))


async def internal_error(request: Request, error: Exception) -> Response:
    return _error(request, ApiError(500, "internal", "The service failed"))
