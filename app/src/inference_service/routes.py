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
        self.get: dict[str, Callable[[], Answer]] = {
            "/health": lambda: _json({"status": "alive"}),
            "/ready": self._ready,
            "/ping": self._ready,
            "/version": self._version,
            "/metrics": self._metrics,
            "/openapi.json": lambda: _json(document(service)),
            "/docs": lambda: (page(document(service)).encode(), _PAGE),
            "/v2": lambda: _json(server),
            "/v2/health/live": lambda: _json({"live": True}),
            "/v2/health/ready": lambda: self._when_ready({"ready": True}),
        }
        for model in (MODEL, VERSION):
            self.get[model] = self._model
            self.get[f"{model}/ready"] = lambda: self._when_ready({"name": self._manifest().name, "ready": True})
        predictions = ("/predict", "/invocations", f"{MODEL}/infer", f"{VERSION}/infer")
        self.post: dict[str, Callable[[], Answer]] = dict.fromkeys(predictions, self._not_ready)

    def answer(self, request: Request) -> Answer:
        """The answer; sets the request's route. Raises ApiError."""
        path, method = request.path, request.method
        named = _MODEL_PATH(path)
        route = f"{VERSION if named[2] else MODEL}{named[3] or ''}" if named else path
        if route in self.get:
            allowed, handler = "GET, HEAD", self.get[route]
        elif route in self.post:
            allowed, handler = "POST", self.post[route]
        else:
            raise ApiError(404, "not_found", f"There is nothing at {path}; see /docs")
        request.route = route
        if method not in allowed.split(", "):
            headers = ((b"allow", allowed.encode()),)
            raise ApiError(405, "method_not_allowed", f"{path} takes {allowed}, not {method}", headers=headers)
        if named:
            manifest = self._manifest()
            if named[1] != manifest.name or named[2] not in (None, manifest.version):
                message = f"This service serves {manifest.name} {manifest.version} only"
                raise ApiError(404, "no_such_model", message)
        return handler()

    def _not_ready(self) -> Answer:
        raise not_ready(self._service.state, self._service.reason)

    def _manifest(self) -> Manifest:
        if self._service.model is None:
            raise not_ready(self._service.state, self._service.reason)
        return self._service.model.manifest

    def _when_ready(self, value: Any) -> Answer:
        return _json(value) if self._service.state == "ready" else self._not_ready()

    def _ready(self) -> Answer:
        return self._when_ready({"status": "ready", "model_version": self._service.model_version})

    def _version(self) -> Answer:
        settings = self._service.settings
        release = {"version": settings.service_version, "commit": settings.service_revision}
        return _json({**release, "model": self._service.model_labels() or None})

    def _metrics(self) -> Answer:
        return self._service.render_metrics().encode(), _METRICS

    def _model(self) -> Answer:
        manifest = self._manifest()
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
