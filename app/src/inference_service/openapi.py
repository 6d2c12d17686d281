"""The OpenAPI document, made from the types that the service decodes and encodes, and a page that shows it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Annotated, Any

import msgspec

from .codecs import INPUT_NAME, PredictCodec
from .errors import Error, ProtocolError
from .infer import InferCodec, InferRequest, InferResponse
from .service import Service

Schema = dict[str, Any]

# Route → what it answers, and whether it answers 503 while the service is not ready.
_GET = {
    "/health": ("Alive", False),
    "/ready": ("Ready for requests", True),
    "/ping": ("Ready for requests (SageMaker)", True),
    "/version": ("Release, commit and model", False),
    "/v2": ("The server", False),
    "/v2/health/live": ("Alive", False),
    "/v2/health/ready": ("Ready for requests", True),
    "/v2/models/{model}": ("The model's inputs and outputs", True),
    "/v2/models/{model}/ready": ("Ready for requests", True),
}
_ERRORS = {
    "400": "The body is not what its headers say, or is not JSON",
    "401": "The API key is missing or not valid",
    "408": "The body did not arrive in time",
    "413": "The body is over the limit, as sent or decompressed",
    "415": "The content type or encoding is not supported; see Accept-Post or Accept-Encoding",
    "422": "The input can be read but is not valid; `field` is its place",
    "500": "The service failed, or the model gave no valid probabilities (`invalid_output`)",
    "503": "Not ready, or too much is waiting; see Retry-After",
    "504": "The deadline passed",
}
_STYLE = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.2em 1em .2em 0}"
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# What the page may load: its own style, and nothing else.
PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


class Prediction(msgspec.Struct):
    label: str
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)]


class PredictResponse(msgspec.Struct):
    predictions: list[Prediction]
    model_version: str


def document(service: Service) -> Schema:
    """Without a model, only what does not depend on it."""
    settings = service.settings
    model = service.model
    name = model.manifest.name if model else settings.model_name
    paths: Schema = {route.replace("{model}", name): {"get": _get(route, *answer)} for route, answer in _GET.items()}
    types: list[Any] = [Error, ProtocolError]
    if model:
        codec = PredictCodec(model, settings.max_rows)
        types += [codec.request, codec.request_by_name, PredictResponse, InferRequest, InferResponse]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    if model:
        manifest = model.manifest
        for request in ("PredictRequest", "PredictRequestByName"):
            schemas[request]["properties"]["instances"]["maxItems"] = settings.max_rows
        tensor = schemas["InferInput"]["properties"]
        tensor |= {"name": {"const": INPUT_NAME}, "datatype": {"enum": list(InferCodec.DATATYPES)}}
        row = [round(value, 6) for value in manifest.golden[0].body["instances"][0]] if manifest.golden else []
        schemas["PredictRequest"]["example"] = {"instances": [row]}
        inputs = {"name": INPUT_NAME, "shape": [1, len(row)], "datatype": "FP32", "data": row}
        schemas["InferRequest"]["example"] = {"inputs": [inputs]}
        by_row = {"anyOf": [_ref("PredictRequest"), _ref("PredictRequestByName")]}
        predict = _operation("Predict one row, or a batch", by_row, "PredictResponse", "Error")
        invoke = _operation("Predict as SageMaker's clients ask", by_row, "PredictResponse", "Error")
        number = r"-?[0-9]{1,9}(\.[0-9]{1,9})?"
        invoke["requestBody"]["content"]["text/csv"] = _csv("the features in their order", number, model.width)
        invoke["responses"]["200"]["content"]["text/csv"] = _csv("label,probability", ".+", 1)
        invoke["responses"]["406"] = _answer("No answer fits the Accept header", _ref("Error"))
        summary = "Predict by the Open Inference Protocol v2"
        infer = _operation(summary, _ref("InferRequest"), "InferResponse", "ProtocolError")
        for content in (infer["requestBody"]["content"], infer["responses"]["200"]["content"]):
            content["application/octet-stream"] = {"schema": {"description": "JSON, then binary tensors"}}
        by_route = {"/predict": predict, "/invocations": invoke, "/v2/models/{model}/infer": infer}
        for path, (route, _) in service.endpoints.items():
            operation = by_route[route]
            operation["security"] = [{"ApiKey": []}] if settings.api_key_hashes else []
            paths[path] = {"post": operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"inference: {name} {service.model_version}",
            "version": settings.service_version,
            "description": "One model, three conventions: /predict, the Open Inference Protocol v2, and SageMaker's.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        },
    }


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(route: str, summary: str, not_ready: bool) -> Schema:
    responses = {"200": _answer(summary, {"type": "object"})}
    if not_ready:
        error = _ref("ProtocolError" if route.startswith("/v2") else "Error")
        responses["503"] = _answer("Loading or draining (`not_ready`), or without a model (`failed`)", error)
    return {"summary": summary, "responses": responses}


def _operation(summary: str, request: Schema, response: str, error: str) -> Schema:
    failures = {code: _answer(text, _ref(error)) for code, text in _ERRORS.items()}
    body = {"required": True, "content": {"application/json": {"schema": request}}}
    answers = {"200": _answer("The predictions", _ref(response)), **failures}
    return {"summary": summary, "requestBody": body, "responses": answers}


def _csv(text: str, cell: str, cells: int) -> Schema:
    row = ",".join([cell] * cells)
    description = f"A row a line: {text}; no header line"
    return {"schema": {"type": "string", "description": description, "pattern": f"^{row}(\\n{row})*\\n?$"}}


def page(content: Schema) -> str:
    """The document for people: one HTML page without scripts or anything from elsewhere."""
    rows = "".join(
        f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{escape(operation['summary'])}</td></tr>"
        for path, item in content["paths"].items()
        for method, operation in item.items()
    )
    info = content["info"]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>inference</title>"
        f"<style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])}</h1><p>Release {escape(info['version'])}. {escape(info['description'])}</p>"
        f"<table>{rows}</table><p>The whole of it: <a href=/openapi.json>/openapi.json</a></p></html>"
    )
