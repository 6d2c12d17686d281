"""The OpenAPI document: `openapi.json` with what the model and the settings say, and a page that shows it.

The file's `errors` are the responses that every prediction has; what it says of MODEL_NAME, MODEL_VERSION and RELEASE,
and numbers and lists that are 0 or empty there, are filled in.
"""

import hashlib
import json
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

from .codecs import FLOAT32_MAX, INPUT_NAME
from .model import Manifest
from .service import Service

_FILE = Path(__file__).with_suffix(".json")
_SCHEMAS = "#/components/schemas/"
_STYLE = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td{padding:.2em 1em .2em 0}"
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# What the page may load: its own style, and nothing else.
PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"


def document(service: Service) -> dict[str, Any]:
    """The whole document; without a model its lists of features and classes are empty."""
    settings = service.settings
    no_model = Manifest(settings.model_name, settings.model_version or "unknown", "", [], [], [])
    manifest = service.model.manifest if service.model else no_model
    name, version, features, width = manifest.name, manifest.version, manifest.features, len(manifest.features)
    text = _FILE.read_text()
    for word, value in (("MODEL_NAME", name), ("MODEL_VERSION", version), ("RELEASE", settings.service_version)):
        text = text.replace(word, json.dumps(value)[1:-1])
    parts: dict[str, Any] = json.loads(text)
    content: dict[str, Any] = parts["document"]
    schemas, paths = content["components"]["schemas"], content["paths"]
    paths[f"/v2/models/{name}/versions/{version}/infer"] = paths[f"/v2/models/{name}/infer"]
    schemas["Number"] |= {"minimum": -FLOAT32_MAX, "maximum": FLOAT32_MAX}
    schemas["Row"] |= {"minItems": width, "maxItems": width, "description": ", ".join(features)}
    schemas["NamedRow"] |= {
        "properties": {feature: {"$ref": f"{_SCHEMAS}Number"} for feature in features},
        "required": features,
    }
    for rows in schemas["PredictRequest"]["properties"]["instances"]["anyOf"]:
        rows["maxItems"] = settings.max_rows
    schemas["Prediction"]["properties"]["label"]["enum"] = manifest.classes
    count = {"type": "integer", "minimum": 1, "maximum": settings.max_rows}
    schemas["Tensor"]["properties"]["shape"]["prefixItems"] = [count, {"const": width}]
    if manifest.golden:
        row = [round(value, 6) for value in manifest.golden[0].body["instances"][0]]
        tensor = {"name": INPUT_NAME, "shape": [1, width], "datatype": "FP32", "data": row}
        schemas["PredictRequest"]["example"] = {"instances": [row]}
        schemas["InferRequest"]["example"] = {"inputs": [tensor]}
    line = ",".join([r"-?[0-9]{1,9}(\.[0-9]{1,9})?"] * width)
    table = paths["/invocations"]["post"]["requestBody"]["content"]["text/csv"]["schema"]
    table["pattern"] = f"^{line}(\\n{line})*\\n?$"
    errors = parts["errors"]
    if not settings.api_key_hashes:
        del errors["401"]
    for path, item in paths.items():
        if operation := item.get("post"):
            operation["security"] = [{"ApiKey": []}] if settings.api_key_hashes else []
            shape = _SCHEMAS + ("ProtocolError" if path.startswith("/v2/") else "Error")
            for status, description in errors.items():
                answer = {"application/json": {"schema": {"$ref": shape}}}
                operation["responses"][status] = {"description": description, "content": answer}
    return content


def page(content: dict[str, Any]) -> str:
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
