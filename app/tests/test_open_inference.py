"""The Open Inference Protocol as bytes: its errors, and binary tensors in both directions."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import httpx
import pytest

from .conftest import Client, Running, problem
from .tensors import MODEL, tensor

LENGTH = "inference-header-content-length"


def binary(row: list[float], rows: int = 1, datatype: str = "FP32", **changes: Any) -> tuple[dict[str, Any], bytes]:
    """A request whose tensor stands behind its JSON, and that tensor."""
    data = struct.pack(f"<{len(row) * rows}{'f' if datatype == 'FP32' else 'd'}", *(row * rows))
    request = tensor(row, datatype=datatype, shape=[rows, len(row)], parameters={"binary_data_size": len(data)})
    del request["inputs"][0]["data"]
    return {**request, **changes}, data


async def ask(client: Client, request: dict[str, Any], tail: bytes, **headers: str) -> httpx.Response:
    head = json.dumps(request).encode()
    sent = {LENGTH: str(len(head)), **headers}
    return await client.post(f"{MODEL}/infer", content=head + tail, headers=sent)


def read(answer: httpx.Response) -> dict[str, list[Any]]:
    """The outputs by name, wherever they stand."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers.get(LENGTH, len(answer.content)))
    body, tail = json.loads(answer.content[:length]), answer.content[length:]
    found = {}
    for output in body["outputs"]:
        if "data" in output:
            assert "parameters" not in output
            found[output["name"]] = output["data"]
            continue
        size = output["parameters"]["binary_data_size"]
        raw, tail = tail[:size], tail[size:]
        values: list[Any] = []
        while raw and output["datatype"] == "BYTES":
            (end,) = struct.unpack("<I", raw[:4])
            values.append(raw[4 : 4 + end].decode())
            raw = raw[4 + end :]
        found[output["name"]] = values or list(struct.unpack(f"<{size // 4}f", raw))
        assert output["shape"] == [len(found[output["name"]])]
    assert tail == b""
    return found


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
@pytest.mark.parametrize("rows", [1, 3, 100])
async def test_binary_tensors_give_what_json_gives(
    running: Running, row: list[float], datatype: str, rows: int
) -> None:
    everything: dict[str, Any] = {"parameters": {"binary_data_output": True, "unknown": [1]}}
    some = [{"name": "probability", "parameters": {"binary_data": True}}, {"name": "label"}]
    async with running(cache_entries=5, drift=True) as client:
        plain = await client.post(f"{MODEL}/infer", json=tensor(row * rows, shape=[rows, 30]))
        assert (plain.headers["content-type"], LENGTH in plain.headers) == ("application/json", False)
        wanted = read(plain)
        for changes in ({}, everything, {"outputs": some}, {**everything, "outputs": some}):
            for request, tail in (
                binary(row, rows, datatype, **changes),
                ({**tensor(row * rows, shape=[rows, 30]), **changes}, b""),
            ):
                answer = await ask(client, request, tail)
                found = read(answer)
                assert found["label"] == wanted["label"]
                assert found["probability"] == pytest.approx(wanted["probability"], abs=1e-7)
                kind = "application/octet-stream" if changes else "application/json"
                assert answer.headers["content-type"] == kind
                assert answer.headers["x-release"] == "v1.2.3"
        # What an output says of itself counts more than what the request says of all.
        request, tail = binary(row, **everything, outputs=[{"name": "label", "parameters": {"binary_data": False}}])
        answer = await ask(client, request, tail)
        assert read(answer) == {"label": ["malignant"]}
        assert answer.headers["content-type"] == "application/json"


async def test_sizes_that_do_not_fit_are_refused(running: Running, row: list[float]) -> None:
    request, tail = binary(row)

    def sized(size: Any, **changes: Any) -> dict[str, Any]:
        return {"inputs": [{**request["inputs"][0], "parameters": {"binary_data_size": size}, **changes}]}

    cases: list[tuple[dict[str, Any], bytes, dict[str, str], int, str]] = [
        (request, tail[:-1], {}, 400, "119 bytes stand behind the JSON"),
        (request, tail + b"x", {}, 400, "121 bytes stand behind the JSON"),
        (request, b"", {}, 400, "0 bytes stand behind the JSON"),
        *[(sized(size), tail, {}, 400, "takes 120 bytes") for size in (119, 121, 0, -1, 120.0, "120", True, 10**30)],
        (sized(None), tail, {}, 400, "no input has a binary_data_size"),
        (tensor(row), tail, {}, 400, "no input has a binary_data_size"),
        (sized(120, data=row), tail, {}, 400, "not both"),
        (sized(120, datatype="FP64"), tail, {}, 400, "takes 240 bytes"),
        (sized(0, shape=[0, 30]), b"", {}, 422, "Expected shape"),
        (sized(120, shape=[1, 10**20]), tail, {}, 422, "Expected shape"),
        *[
            (request, tail, {LENGTH: length}, 400, "must be a number, at most the body's")
            for length in ("x", "-1", "1.5", "", "99999", "9" * 5000, "0" * 5000 + "5", "1, 1")
        ],
        (request, tail, {LENGTH: "0"}, 400, "not JSON"),
        (request, tail, {LENGTH: "10"}, 400, "not JSON"),
        (sized(120), struct.pack("<30f", math.nan, *row[1:]), {}, 422, "feature 'mean radius'"),
        (sized(120), struct.pack("<30f", *row[:-1], -math.inf), {}, 422, "float32"),
        (sized(240, datatype="FP64"), struct.pack("<30d", 1e39, *row[1:]), {}, 422, "feature 'mean radius'"),
    ]
    async with running() as client:
        for asked, behind, headers, status, message in cases:
            answer = await ask(client, asked, behind, **headers)
            assert answer.status_code == status, (asked, headers, answer.text)
            assert message in problem(answer)["message"]
        # Without the header, all of it would be JSON.
        answer = await client.post(f"{MODEL}/infer", content=json.dumps(request).encode() + tail)
        assert answer.status_code == 400
        answer = await client.post(f"{MODEL}/infer", json=request)
        assert (answer.status_code, "0 bytes stand behind" in answer.json()["error"]) == (400, True)


async def test_every_error_of_the_protocol_is_a_text(running: Running, row: list[float]) -> None:
    cases: list[tuple[str, str, Any, dict[str, str], int]] = [
        ("GET", "/v2/models/other", None, {}, 404),
        ("GET", f"{MODEL}/versions/m9", None, {}, 404),
        ("GET", "/v2/nothing", None, {}, 404),
        ("GET", "/v2/", None, {}, 404),
        ("GET", f"{MODEL}/infer", None, {}, 405),
        ("POST", "/v2", {}, {}, 405),
        ("POST", "/v2/models/other/infer", tensor(row), {}, 404),
        ("POST", f"{MODEL}/infer", {}, {}, 422),
        ("POST", f"{MODEL}/infer", tensor(row, datatype="BYTES"), {}, 422),
        ("POST", f"{MODEL}/infer", tensor([], shape=[0, 30]), {}, 422),
        ("POST", f"{MODEL}/infer", b"{", {}, 400),
        ("POST", f"{MODEL}/infer", b"{" * 9000, {}, 413),
        ("POST", f"{MODEL}/infer", {}, {"content-encoding": "br"}, 415),
        ("POST", f"{MODEL}/infer", {}, {"content-type": "text/csv"}, 415),
        ("POST", f"{MODEL}/infer", {}, {"x-api-key": "wrong"}, 401),
    ]
    hashed = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    async with running(max_body_bytes=8192, api_key_sha256=hashed) as client:
        for method, path, body, headers, status in cases:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"x-api-key": "secret", **headers}
            answer = await client.request(method, path, content=content, headers=sent)
            error = answer.json()
            assert answer.status_code == status, (method, path, error)
            assert isinstance(error["error"], str)
            assert error["code"]
            assert error["request_id"] == answer.headers["x-request-id"]
        field = (
            await client.post(f"{MODEL}/infer", json=tensor(row, name="x"), headers={"x-api-key": "secret"})
        ).json()
        assert field["field"] == "inputs[0].name"
        client.app.service.drain()
        assert isinstance((await client.get("/v2/health/ready")).json()["error"], str)
    async with running(model_version="m9") as client:
        for method, path in (("GET", MODEL), ("POST", f"{MODEL}/infer"), ("GET", f"{MODEL}/ready")):
            answer = await client.request(method, path)
            assert (answer.status_code, "The service is failed" in answer.json()["error"]) == (503, True)


async def test_what_clients_leave_empty_is_as_if_it_were_not_there(running: Running, row: list[float]) -> None:
    request = {**tensor(row, parameters=None), "parameters": None, "outputs": None, "id": None, "model_name": "x"}
    async with running() as client:
        assert read(await client.post(f"{MODEL}/infer", json=request))["label"] == ["malignant"]
