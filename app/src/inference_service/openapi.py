"""The OpenAPI document, written from the settings and the manifest, and a page that shows it without scripts."""

from __future__ import annotations

from html import escape
from typing import Any

from .codecs import FLOAT32_MAX, INPUT_NAME
from .service import Service

Schema = dict[str, Any]

_ERRORS = {
    "400": "The body is not JSON",
    "401": "The API key is missing or not valid",
    "408": "The body did not arrive in time",
    "413": "The body is over the limit",
    "422": "The input is JSON but not valid; `field` says where",
    "503": "Not ready, or too much is waiting; see Retry-After",
    "504": "The deadline passed",
}


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
    infer = _operation("Predict by the Open Inference Protocol v2", "InferRequest", "InferResponse", secured)
    ready = _get("Ready for requests", "Status", not_ready=True)
    model_ready = _get("Ready for requests", "Status", not_ready=True)
    model = f"/v2/models/{name}"
    schemas = {
        "Error": _error_schema(),
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
            "/invocations": {"post": predict},
            f"{model}/infer": {"post": infer},
            f"{model}/versions/{version}/infer": {"post": infer},
            "/health": {"get": _get("Alive", "Status")},
            "/ready": {"get": ready},
            "/ping": {"get": ready},
            "/version": {"get": _get("Release, commit and model", "Version")},
            "/v2": {"get": _get("The server", "Status")},
            "/v2/health/live": {"get": _get("Alive", "Status")},
            "/v2/health/ready": {"get": ready},
            model: {"get": _get("The model's inputs and outputs", "Status", not_ready=True)},
            f"{model}/ready": {"get": model_ready},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        },
    }


def _content(schema: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _operation(summary: str, request: str, response: str, security: list[Schema]) -> Schema:
    failures = {code: {"description": text, "content": _content("Error")} for code, text in _ERRORS.items()}
    if not security:
        del failures["401"]
    return {
        "summary": summary,
        "security": security,
        "requestBody": {"required": True, "content": _content(request)},
        "responses": {"200": {"description": "The predictions", "content": _content(response)}, **failures},
    }


def _get(summary: str, schema: str, *, not_ready: bool = False) -> Schema:
    responses: Schema = {"200": {"description": summary, "content": _content(schema)}}
    if not_ready:
        responses["503"] = {
            "description": "Loading or draining (`not_ready`), or without a model (`failed`)",
            "content": _content("Error"),
        }
    return {"summary": summary, "responses": responses}


def _error_schema() -> Schema:
    text = {"type": "string"}
    properties = {"code": text, "message": text, "request_id": text, "field": text}
    detail = {"type": "object", "required": ["code", "message", "request_id"], "properties": properties}
    return {"type": "object", "required": ["error"], "properties": {"error": detail}}


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
        "required": ["name", "shape", "datatype", "data"],
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
        "<style>body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.2em 1em .2em 0}</style>"
        f"<h1>{escape(info['title'])}</h1><p>Release {escape(info['version'])}. {escape(info['description'])}</p>"
        f"<table>{rows}</table><p>The whole of it: <a href=/openapi.json>/openapi.json</a></p></html>"
    )
