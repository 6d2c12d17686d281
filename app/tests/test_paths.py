"""Only the paths themselves are answered: no redirect, which would lead from the edge's https to http."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode

import httpx
import pytest
from starlette.routing import Route

from inference_service.app import create_app
from inference_service.openapi import PAGE_POLICY
from inference_service.settings import Settings

from .conftest import Running, problem
from .connections import Listen

PATHS = [
    route.path.replace("{model}", "breast-cancer").replace("{version}", "m1")
    for route in create_app(Settings()).other.routes
    if isinstance(route, Route)
]
FORGED = [
    {},
    {"host": "evil.example"},
    {"host": "["},
    {"host": "evil.example/v2?"},
    {"x-forwarded-host": "evil.example", "x-forwarded-proto": "http"},
]


def variants(path: str) -> list[str]:
    return [f"{path}/", f"{path}//", f"/{path}", f"{path}/?a=1", path.replace("/", "//"), f"{path}%2f"]


@pytest.mark.parametrize("loaded", [True, False], ids=["with a model", "without"])
async def test_no_path_is_redirected_and_every_refusal_has_its_shape(running: Running, loaded: bool) -> None:
    assert {"/predict", "/invocations", "/health", "/v2", "/v2/models/breast-cancer/infer"} <= set(PATHS)
    async with running(**({} if loaded else {"model_version": "m9"})) as client:
        for path in [
            "/",
            "//",
            "//evil.example/",
            "/\\evil.example",
            *[each for known in PATHS for each in variants(known)],
        ]:
            for method in ("GET", "POST"):
                for headers in FORGED:
                    url = httpx.URL("http://service").copy_with(raw_path=path.encode())
                    answer = await client.request(method, url, headers=headers)
                    assert "location" not in answer.headers, (method, path, headers)
                    # Without a model, none that a path names can be known to be another one.
                    assert answer.status_code == 404 or not loaded, (method, path, headers, answer.text)
                    assert answer.status_code in (404, 405, 503)
                    assert {"code", "message", "request_id"} <= problem(answer).keys()


async def test_paths_are_refused_over_the_wire_as_well(listening: Listen) -> None:
    async with listening() as service:
        for target in ("/predict/", "//predict", "//evil.example/predict/", "http://evil.example/predict/", "/v2//"):
            for host in ("x", "evil.example", "[", "a/b"):
                connection = await service.connect()
                request = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}"
                await connection.send(request.encode())
                status, headers, body = await connection.answer()
                assert (status, "location" in headers) == (404, False)
                assert "evil" not in json.dumps(headers)
                assert body["error"]


async def test_the_page_has_a_policy_that_lets_its_style_through_and_nothing_else(running: Running) -> None:
    async with running() as client:
        answer = await client.get("/docs")
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    assert "default-src 'none'" in PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY
    (style,) = re.findall("<style>(.*?)</style>", answer.text)

    assert f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in PAGE_POLICY
    assert "style=" not in answer.text.replace("</style>", "")
    assert "<script" not in answer.text


async def test_document_names_every_refusal(running: Running) -> None:
    async with running() as client:
        document = (await client.get("/openapi.json")).json()
    post = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    for path, operation in post.items():
        assert {"400", "408", "413", "415", "422", "500", "503", "504"} <= operation["responses"].keys(), path
        assert ("406" in operation["responses"]) == (path == "/invocations")
        shape = "ProtocolError" if path.startswith("/v2") else "Error"
        for status, answer in operation["responses"].items():
            if status != "200":
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith(f"/{shape}")
    assert set(post["/invocations"]["requestBody"]["content"]) == {"application/json", "text/csv"}
    infer = post["/v2/models/breast-cancer/infer"]
    assert set(infer["requestBody"]["content"]) == {"application/json", "application/octet-stream"}
