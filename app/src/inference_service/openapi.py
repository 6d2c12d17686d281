"""The OpenAPI document, written from the settings and the manifest, and a page that shows it without scripts."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Any

from .codecs import FLOAT32_MAX, INPUT_NAME
from .service import Service

Schema = dict[str, Any]

_ERRORS = {
    "400": "The body is not what its headers say, or is not JSON",
    "401": "The API key is missing or not valid",
    "408": "The body did not arrive in time",
    "413": "The body is over the limit, as sent or decompressed",
    "415": "The content type or encoding is not supported; see Accept-Post or Accept-Encoding",
    "422": "The input can be read but is not valid; `field` says where",
    "500": "The service failed, or the model gave no valid probabilities (`invalid_output`)",
    "503": "Not ready, or too much is waiting; see Retry-After",
    "504": "The deadline passed",
}

_STYLE = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.2em 1em .2em 0}"
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# What the page may load: its own style, and nothing else.
PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


def document(service: Service) -> Schema:
    settings = service.settings
    manifest = service.model.manifest if service.model else None
    features = manifest.features if manifest else []
    classes = manifest.classes if manifest else []
    name = manifest.name if manifest else settings.model_name
    version = manifest.version if manifest else settings.model_version or "unknown"
    number = {"type": "number", "minimum": -FLOAT32_MAX, "maximum": FLOAT32_MAX}
    example = (
        [round(value, 6) for value in manifest.golden[0].body.instances[0]] if manifest and manifest.golden else []
    )
    secured: list[Schema] = [{"ApiKey": []}] if settings.api_key_hashes else []
    predict = _operation("Predict one row, or a batch", "PredictRequest", "PredictResponse", secured)
    invoke = _operation("Predict as SageMaker's clients ask", "PredictRequest", "PredictResponse", secured)
    invoke["requestBody"]["content"]["text/csv"] = _csv(
        "The features in their order", r"-?[0-9]{1,9}(\.[0-9]{1,9})?", len(features)
    )
    invoke["responses"]["200"]["content"]["text/csv"] = _csv("label,probability", ".+", 1)
    invoke["responses"]["406"] = {"description": "No answer fits the Accept header", "content": _content("Error")}
    infer = _operation(
        "Predict by the Open Inference Protocol v2", "InferRequest", "InferResponse", secured, "ProtocolError"
    )
    for content in (infer["requestBody"]["content"], infer["responses"]["200"]["content"]):
        content["application/octet-stream"] = {"schema": {"description": "JSON, then binary tensors"}}
    ready = _get("Ready for requests", "Status", not_ready="Error")
    model_ready = _get("Ready for requests", "Status", not_ready="ProtocolError")
    model = f"/v2/models/{name}"
    schemas = {
        "Error": _error_schema(),
        "ProtocolError": {**_error_detail("error"), "description": "The Open Inference Protocol's: `error` is a text"},
        "Status": {"type": "object"},
        "Version": {
            "type": "object",
            "required": ["version", "commit", "model"],
            "properties": {
                "version": {"type": "string"},
                "commit": {"type": "string"},
                "model": {"type": ["object", "null"]},
            },
        },
        **_predict_schemas(features, classes, number, settings.max_rows, example),
        **_infer_schemas(len(features), number, settings.max_rows, example),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"inference: {name} {version}",
            "version": settings.service_version,
            "description": "One model, three conventions: /predict, the Open Inference Protocol v2, and SageMaker's.",
        },
        "paths": {
            "/predict": {"post": predict},
            "/invocations": {"post": invoke},
            f"{model}/infer": {"post": infer},
            f"{model}/versions/{version}/infer": {"post": infer},
            "/health": {"get": _get("Alive", "Status")},
            "/ready": {"get": ready},
            "/ping": {"get": ready},
            "/version": {"get": _get("Release, commit and model", "Version")},
            "/v2": {"get": _get("The server", "Status")},
            "/v2/health/live": {"get": _get("Alive", "Status")},
            "/v2/health/ready": {"get": model_ready},
            model: {"get": _get("The model's inputs and outputs", "Status", not_ready="ProtocolError")},
            f"{model}/ready": {"get": model_ready},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        },
    }


def _content(schema: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _csv(text: str, cell: str, cells: int) -> Schema:
    row = ",".join([cell] * cells)
    description = f"A row a line: {text}; no header line"
    return {"schema": {"type": "string", "description": description, "pattern": f"^{row}(\\n{row})*\\n?$"}}


def _operation(summary: str, request: str, response: str, security: list[Schema], error: str = "Error") -> Schema:
    failures = {code: {"description": text, "content": _content(error)} for code, text in _ERRORS.items()}
    if not security:
        del failures["401"]
    return {
        "summary": summary,
        "security": security,
        "requestBody": {"required": True, "content": _content(request)},
        "responses": {"200": {"description": "The predictions", "content": _content(response)}, **failures},
    }


def _get(summary: str, schema: str, *, not_ready: str = "") -> Schema:
    """not_ready: the shape of the error while it is not ready; none where it always answers."""
    responses: Schema = {"200": {"description": summary, "content": _content(schema)}}
    if not_ready:
        responses["503"] = {
            "description": "Loading or draining (`not_ready`), or without a model (`failed`)",
            "content": _content(not_ready),
        }
    return {"summary": summary, "responses": responses}


def _error_schema() -> Schema:
    return {"type": "object", "required": ["error"], "properties": {"error": _error_detail("message")}}


def _error_detail(message: str) -> Schema:
    properties = {key: {"type": "string"} for key in ("code", message, "request_id", "field")}
    return {"type": "object", "required": ["code", message, "request_id"], "properties": properties}


def _predict_schemas(
    features: list[str], classes: list[str], number: Schema, max_rows: int, example: list[float]
) -> dict[str, Schema]:
    width = len(features)
    row = {"type": "array", "items": number, "minItems": width, "maxItems": width, "description": ", ".join(features)}
    named = {
        "type": "object",
        "properties": dict.fromkeys(features, number),
        "required": features,
        "additionalProperties": False,
    }
    rows = {"type": "array", "minItems": 1, "maxItems": max_rows}
    prediction = {
        "type": "object",
        "required": ["label", "probability"],
        "properties": {
            "label": {"type": "string", "enum": classes},
            "probability": {"type": "number", "minimum": 0, "maximum": 1},
        },
    }
    return {
        "PredictRequest": {
            "type": "object",
            "required": ["instances"],
            "additionalProperties": False,
            "properties": {"instances": {"anyOf": [{**rows, "items": row}, {**rows, "items": named}]}},
            "example": {"instances": [example]},
        },
        "PredictResponse": {
            "type": "object",
            "required": ["predictions", "model_version"],
            "properties": {
                "predictions": {"type": "array", "items": prediction},
                "model_version": {"type": "string"},
            },
        },
    }


def _infer_schemas(width: int, number: Schema, max_rows: int, example: list[float]) -> dict[str, Schema]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"const": INPUT_NAME},
            "shape": {
                "type": "array",
                "prefixItems": [{"type": "integer", "minimum": 1, "maximum": max_rows}, {"const": width}],
                "minItems": 2,
                "maxItems": 2,
            },
            "datatype": {"enum": ["FP32", "FP64"]},
            "data": {"type": "array", "items": number, "description": "As many numbers as the shape says"},
        },
    }
    output = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {"name": {"type": "string"}, "datatype": {"type": "string"}, "data": {"type": "array"}},
    }
    inputs = [{"name": INPUT_NAME, "shape": [1, width], "datatype": "FP32", "data": example}]
    return {
        "InferRequest": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": {"type": ["string", "null"]},
                "inputs": {"type": "array", "items": tensor, "minItems": 1, "maxItems": 1},
            },
            "example": {"inputs": inputs},
        },
        "InferResponse": {
            "type": "object",
            "required": ["model_name", "model_version", "outputs"],
            "properties": {"outputs": {"type": "array", "items": output}},
        },
    }


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
