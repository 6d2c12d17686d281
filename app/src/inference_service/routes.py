"""The routes that are not in a hurry: liveness, readiness, version, metrics, the model's metadata, documentation."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .codecs import INPUT_NAME
from .errors import ApiError, error_body, not_ready
from .model import Manifest
from .open_inference import InferCodec
from .openapi import PAGE_POLICY, document, page
from .service import Service

_MODEL = "/v2/models/{model}"
_VERSION = f"{_MODEL}/versions/{{version}}"


def routes(service: Service) -> list[Route]:
    """All routes; those of predictions are reached only while there is no model, or for one that is not served."""
    settings = service.settings
    release = settings.service_version

    def model_labels() -> dict[str, str]:
        if service.model is None:
            return {}
        manifest = service.model.manifest
        return {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}

    def ready(request: Request) -> dict[str, Any]:
        if service.state != "ready":
            raise not_ready(service.state, service.reason)
        return {"status": "ready", "model_version": service.model_version}

    def known_model(request: Request) -> Manifest:
        """Raises unless the path names the model, and the version, that is served."""
        if service.model is None:
            raise not_ready(service.state, service.reason)
        manifest = service.model.manifest
        wanted = request.path_params.get("version", manifest.version)
        if (request.path_params["model"], wanted) != (manifest.name, manifest.version):
            raise ApiError(404, "no_such_model", f"This service serves {manifest.name} {manifest.version} only")
        return manifest

    def model(request: Request) -> dict[str, Any]:
        manifest = known_model(request)
        outputs = [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in InferCodec.OUTPUTS]
        inputs = [{"name": INPUT_NAME, "datatype": "FP32", "shape": [-1, len(manifest.features)]}]
        names = {"name": manifest.name, "versions": [manifest.version], "platform": "onnx_onnxv1"}
        return {**names, "inputs": inputs, "outputs": outputs}

    def model_ready(request: Request) -> dict[str, Any]:
        manifest = known_model(request)
        ready(request)
        return {"name": manifest.name, "ready": True}

    def predict(request: Request) -> Any:
        if "model" in request.path_params:
            known_model(request)
        raise not_ready(service.state, service.reason)

    async def metrics(_: Request) -> Response:
        service.records.flush()
        text = service.metrics.render(
            queued_rows=service.batcher.queued_rows if service.batcher else 0, ready=service.state == "ready",
            model=model_labels(), release={"version": release, "revision": settings.service_revision},
            cache=service.cache, drift=service.drift,
        )  # fmt: skip
        return Response(text, media_type="text/plain; version=0.0.4")

    async def docs(_: Request) -> Response:
        # The edge's own policy is for answers that have none, and forbids styles.
        return HTMLResponse(page(document(service)), headers={"content-security-policy": PAGE_POLICY})

    return [
        _json("/health", lambda _: {"status": "alive"}),
        _json("/ready", ready),
        _json("/ping", ready),
        _json("/version", lambda _: {
            "version": release, "commit": settings.service_revision, "model": model_labels() or None,
        }),
        Route("/metrics", metrics),
        _json("/openapi.json", lambda _: document(service)),
        Route("/docs", docs),
        _json("/v2", lambda _: {"name": "inference", "version": release, "extensions": ["binary_tensor_data"]}),
        _json("/v2/health/live", lambda _: {"live": True}),
        _json("/v2/health/ready", lambda request: {"ready": bool(ready(request))}),
        *[_json(path, model) for path in (_MODEL, _VERSION)],
        *[_json(f"{path}/ready", model_ready) for path in (_MODEL, _VERSION)],
        *[_json(f"{path}/infer", predict, "POST") for path in (_MODEL, _VERSION)],
        *[_json(path, predict, "POST") for path in ("/predict", "/invocations")],
    ]  # fmt: skip


def _json(path: str, content: Callable[[Request], Any], method: str = "GET") -> Route:
    async def endpoint(request: Request) -> Response:
        return Response(msgspec.json.encode(content(request)), media_type="application/json")

    return Route(path, endpoint, methods=[method])


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request whose handler raised; what Starlette refuses by itself are unknown paths and methods."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        # Not the path of `request.url`, which is made of the Host header too: whatever a client wrote there.
        path, headers = request.scope["path"], dict(error.headers or {})
        if error.status_code == 405:
            allowed = ", ".join(sorted(headers.get("Allow", "").split(", ")))
            error = ApiError(405, "method_not_allowed", f"{path} takes {allowed}, not {request.method}")
        elif error.status_code == 404:
            error = ApiError(404, "not_found", f"There is nothing at {path}; see /docs")
        else:
            error = ApiError(error.status_code, "http_error", str(error.detail))
    elif not isinstance(error, ApiError):
        error = ApiError(500, "internal", "The service failed")
    headers |= {name.decode(): value.decode() for name, value in error.headers}
    body = error_body(error, request.state.request_id, request.scope["path"])
    return Response(body, error.status, headers, media_type="application/json")
