"""The paths that do not predict: health, readiness, version, metrics, the model's metadata, documentation.

Paths are exact. A redirect from `/ready/` to `/ready` would have the scheme and the host that the edge's client sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from .codecs import INPUT_NAME
from .errors import ApiError, Headers, not_ready
from .infer import InferCodec
from .media import JSON
from .model import Manifest
from .openapi import PAGE_POLICY, document, page
from .service import Service

if TYPE_CHECKING:
    from .http import Request

Answer = tuple[bytes, Headers]
MODEL = "/v2/models/{model}"
VERSION = f"{MODEL}/versions/{{version}}"
_MODEL_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/ready|/infer)?").fullmatch
_METRICS: Headers = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)
# The edge's own policy is for answers that have none, and forbids styles.
_PAGE: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", PAGE_POLICY.encode()),
)


def _json(value: Any) -> Answer:
    return msgspec.json.encode(value), JSON


class Routes:
    """get, post: route → what answers it. The routes that predict are here for as long as there is no model."""

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.settings
        server = {"name": "inference", "version": settings.service_version, "extensions": ["binary_tensor_data"]}
        release = {"version": settings.service_version, "commit": settings.service_revision}
        self.get: dict[str, Callable[[], Answer]] = {
            "/health": lambda: _json({"status": "alive"}),
            "/ready": lambda: self._when_ready({"status": "ready", "model_version": service.model_version}),
            "/version": lambda: _json({**release, "model": service.model_labels() or None}),
            "/metrics": lambda: (service.render_metrics().encode(), _METRICS),
            "/openapi.json": lambda: _json(document(service)),
            "/docs": lambda: (page(document(service)).encode(), _PAGE),
            "/v2": lambda: _json(server),
            "/v2/health/live": lambda: _json({"live": True}),
            "/v2/health/ready": lambda: self._when_ready({"ready": True}),
        }
        self.get["/ping"] = self.get["/ready"]
        for model in (MODEL, VERSION):
            self.get[model] = lambda: _json(_metadata(service.manifest))
            self.get[f"{model}/ready"] = lambda: self._when_ready({"name": service.manifest.name, "ready": True})
        predictions = ("/predict", "/invocations", f"{MODEL}/infer", f"{VERSION}/infer")
        self.post: dict[str, Callable[[], Answer]] = dict.fromkeys(predictions, self._not_ready)

    def answer(self, request: Request) -> Answer:
        """The answer; sets the request's route. Raises ApiError."""
        path, method = request.path, request.method
        named = _MODEL_PATH(path)
        route = f"{VERSION if named[2] else MODEL}{named[3] or ''}" if named else path
        handler = self.get.get(route) or self.post.get(route)
        if handler is None:
            raise ApiError(404, "not_found", f"There is nothing at {path}; see /docs")
        request.route = route
        allowed = "GET, HEAD" if route in self.get else "POST"
        if method not in allowed.split(", "):
            headers = ((b"allow", allowed.encode()),)
            raise ApiError(405, "method_not_allowed", f"{path} takes {allowed}, not {method}", headers=headers)
        if named:
            manifest = self._service.manifest
            if named[1] != manifest.name or named[2] not in (None, manifest.version):
                message = f"This service serves {manifest.name} {manifest.version} only"
                raise ApiError(404, "no_such_model", message)
        return handler()

    def _not_ready(self) -> Answer:
        raise not_ready(self._service.state, self._service.reason)

    def _when_ready(self, value: Any) -> Answer:
        return _json(value) if self._service.state == "ready" else self._not_ready()


def _metadata(manifest: Manifest) -> dict[str, Any]:
    """The model as the Open Inference Protocol describes it."""
    tensors = [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in InferCodec.OUTPUTS]
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": INPUT_NAME, "datatype": "FP32", "shape": [-1, len(manifest.features)]}],
        "outputs": tensors,
    }
