"""What clients are refused: wrong input, bodies that are too large or too slow, wrong keys, overload; in one shape."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .conftest import Running, problem
from .tensors import MODEL, tensor


def wrong(row: list[float], at: int, value: Any) -> dict[str, Any]:
    return {"instances": [[*row[:at], value, *row[at + 1 :]]]}


async def test_wrong_input_is_refused_naming_the_field(running: Running, row: list[float]) -> None:
    async with running() as client:
        features = client.app.service.model.manifest.features  # type: ignore[union-attr]
        named = dict(zip(features, row, strict=True))
        cases: list[tuple[str, Any, int, str | None, str]] = [
            # Behind the last feature: found before the length is.
            (
                "/predict",
                {"instances": [[*row, 1e39]]},
                422,
                "instances[0][30]",
                "Expected `float` <= 3.402823567797",
            ),
            (
                "/predict",
                wrong(row, 3, "x"),
                422,
                "instances[0][3]",
                "Expected `float`, got `str` for feature 'mean area'",
            ),
            ("/predict", wrong(row, 3, True), 422, "instances[0][3]", "got `bool`"),
            ("/predict", wrong(row, 0, None), 422, "instances[0][0]", "'mean radius'"),
            ("/predict", wrong(row, 0, 1e39), 422, "instances[0][0]", "<= 3.402823567797"),
            ("/predict", {"instances": [row, row[1:]]}, 422, "instances[1]", "length >= 30"),
            ("/predict", {"instances": [[*row, 1]]}, 422, "instances[0]", "length <= 30"),
            ("/predict", {"instances": []}, 422, "instances", "length >= 1"),
            ("/predict", {"instances": [row], "more": 1}, 422, None, "unknown field `more`"),
            ("/predict", {}, 422, None, "missing required field `instances`"),
            ("/predict", [], 422, None, "Expected `object`"),
            ("/predict", {"instances": [{**named, "mean radius": "x"}]}, 422, "instances[0].mean radius", "`float`"),
            ("/predict", {"instances": [{**named, "colour": 1}]}, 422, "instances[0]", "unknown field `colour`"),
            ("/predict", {"instances": [{"mean radius": 1}]}, 422, "instances[0]", "missing required field"),
            ("/predict", {"instances": [named, row]}, 422, "instances[1]", "Expected `object`"),
            (f"{MODEL}/infer", tensor(row, name="x"), 422, "inputs[0].name", "is named 'features', not 'x'"),
            (f"{MODEL}/infer", tensor(row, datatype="INT64"), 422, "inputs[0].datatype", "FP32 or FP64"),
            (f"{MODEL}/infer", tensor(row, shape=[30]), 422, "inputs[0].shape", "[rows, 30]"),
            (f"{MODEL}/infer", tensor(row, shape=[2, 30]), 422, "inputs[0].data", "Expected 60 numbers, got 30"),
            (f"{MODEL}/infer", tensor([row[1:]]), 422, "inputs[0].data", "1 rows of 30 numbers"),  # type: ignore[list-item]
            (f"{MODEL}/infer", tensor([True, *row[1:]]), 422, "inputs[0].data[0]", "feature 'mean radius'"),
            (f"{MODEL}/infer", {**tensor(row), "outputs": [{"name": "x"}]}, 422, "outputs[0].name", "no output 'x'"),
            (f"{MODEL}/infer", {"inputs": []}, 422, "inputs", "length >= 1"),
            ("/v2/models/other/infer", tensor(row), 404, None, "serves breast-cancer m1 only"),
            (f"{MODEL}/versions/m9/infer", tensor(row), 404, None, "serves breast-cancer m1 only"),
        ]
        for path, body, status, field, message in cases:
            answer = await client.post(path, json=body)
            error = problem(answer)
            assert (answer.status_code, error.get("field")) == (status, field), (body, error)
            assert message in error["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"instances":[[NaN]]}', b'{"instances":[["\xff"]]}', b"[" * 5000]
)
async def test_what_is_not_json_is_refused(running: Running, body: bytes) -> None:
    async with running() as client:
        for path in ("/predict", f"{MODEL}/infer"):
            answer = await client.post(path, content=body)
            assert answer.status_code in (400, 422)
            assert set(problem(answer)) >= {"code", "message", "request_id"}


async def test_unknown_paths_and_methods_are_refused_in_the_same_shape(running: Running) -> None:
    async with running() as client:
        unknown, method = await client.get("/nothing"), await client.get("/predict")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["error"]["message"]) == (405, "/predict takes POST, not GET")
    assert method.headers["allow"] == "POST"
    assert unknown.headers["x-release"] == "v1.2.3"


async def test_a_trailing_slash_is_no_path_of_its_own_and_never_a_redirect(running: Running) -> None:
    async with running() as client:
        for path in ("/predict/", "/invocations/", f"{MODEL}/infer/", "/v2/", "/health/", "//predict"):
            for method in ("GET", "POST"):
                answer = await client.request(method, f"http://service{path}", headers={"host": "evil.example"})
                assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")
                assert "location" not in answer.headers


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_body_over_the_limit_is_refused_whether_announced_or_not(running: Running) -> None:
    async with running(max_body_bytes=4096) as client:
        for content in (b" " * 5000, pieces(8192)):
            answer = await client.post("/predict", content=content)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
            assert answer.headers["connection"] == "close"


async def test_body_that_does_not_arrive_is_given_up(running: Running) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with running(deadline_ms=50.0) as client:
        answer = await asyncio.wait_for(client.post("/predict", content=slow()), 2)
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "body_too_slow")


async def test_keys_are_asked_for_where_predictions_are_made_and_only_there(running: Running, row: list[float]) -> None:
    hashes = ",".join(hashlib.sha256(key).hexdigest() for key in (b"old", b"new"))
    async with running(api_key_sha256=hashes) as client:
        for path, body in (
            ("/predict", {"instances": [row]}),
            ("/invocations", {"instances": [row]}),
            (f"{MODEL}/infer", tensor(row)),
        ):
            statuses = []
            for headers in ({}, {"x-api-key": "bad"}, {"x-api-key": "old"}, {"x-api-key": "new"}):
                statuses.append((await client.post(path, json=body, headers=headers)).status_code)
            assert statuses == [401, 401, 200, 200]
        for path in ("/health", "/ready", "/ping", "/version", "/v2/health/live", "/v2/health/ready"):
            assert (await client.get(path)).status_code == 200
        assert {"ApiKey": []} in (await client.get("/openapi.json")).json()["paths"]["/predict"]["post"]["security"]


async def test_overload_is_refused_at_once_with_retry_after(running: Running, row: list[float]) -> None:
    async with running(max_rows=1, max_batch_rows=1, max_queue_rows=2) as client:
        answers = await asyncio.gather(*[client.post("/predict", json={"instances": [row]}) for _ in range(50)])
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 503}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
