"""Ask running services as the clients of the Open Inference Protocol do; runs in an environment of its own.

    python protocol_clients.py '{"service": port, "guarded": port, "failed": port, "row": […], "label": …, …}'

service: with a model; guarded: asks for a key and takes small bodies only; failed: without a model. The row's label and
probability are what the service must say of it, whatever the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, RESTConfig
from kserve import InferInput as KserveInput
from kserve import InferRequest as KserveRequest
from kserve.protocol.infer_type import RequestedOutput as KserveOutput
from tritonclient.utils import InferenceServerException

MODEL = "breast-cancer"
TASK = json.loads(sys.argv[1])
ROWS = np.array([TASK["row"]] * 3)


def url(name: str) -> str:
    return f"127.0.0.1:{TASK[name]}"


def check(labels: Any, probabilities: Any, what: object, count: int = 3) -> None:
    texts = [label.decode() if isinstance(label, bytes) else str(label) for label in labels]
    assert texts == [TASK["label"]] * count, (what, texts)
    assert np.allclose(probabilities, TASK["probability"], atol=1e-6), (what, probabilities)


def check_result(result: triton.InferResult, what: object, count: int = 3) -> None:
    check(result.as_numpy("label"), result.as_numpy("probability"), what, count)


def tensor(rows: Any, datatype: str = "FP32", *, binary: bool = True, name: str = "features") -> triton.InferInput:
    dtype = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64}[datatype]
    made = triton.InferInput(name, list(rows.shape), datatype)
    made.set_data_from_numpy(rows.astype(dtype), binary_data=binary)
    return made


def outputs(*binary: bool) -> list[triton.InferRequestedOutput]:
    return [
        triton.InferRequestedOutput(name, binary_data=each)
        for name, each in zip(("label", "probability"), binary, strict=False)
    ]


VARIANTS: list[dict[str, Any]] = [
    {},
    {"outputs": outputs(True, True)},
    {"outputs": outputs(False, False)},
    {"outputs": outputs(True, False)},
    {"outputs": outputs(False, True)},
    {"request_compression_algorithm": "gzip"},
    {"request_compression_algorithm": "deflate", "response_compression_algorithm": "deflate"},
    {"response_compression_algorithm": "gzip"},
    {"model_version": "m1", "request_id": "7"},
    {"priority": 1, "timeout": 1000, "parameters": {"colour": "red", "depth": 3}},
    {"sequence_id": 5, "sequence_start": True},
]


def triton_sync() -> None:
    with triton.InferenceServerClient(url("service")) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(MODEL)
        assert client.is_model_ready(MODEL, "m1")
        assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        assert client.get_model_metadata(MODEL)["inputs"][0]["name"] == "features"
        for options in VARIANTS:
            for datatype in ("FP32", "FP64"):
                for binary in (True, False):
                    result = client.infer(MODEL, [tensor(ROWS, datatype, binary=binary)], **options)
                    check_result(result, (options, datatype, binary))
                    assert result.get_response().get("id") == options.get("request_id")
        check_result(client.async_infer(MODEL, [tensor(ROWS[:1])]).get_result(), "async_infer", 1)
        only = client.infer(MODEL, [tensor(ROWS)], outputs=outputs(True))
        assert only.as_numpy("probability") is None


async def triton_async() -> None:
    async with triton_aio.InferenceServerClient(url("service")) as client:
        assert await client.is_server_ready()
        for options in VARIANTS:
            for binary in (True, False):
                check_result(await client.infer(MODEL, [tensor(ROWS, binary=binary)], **options), (options, binary))
        error = await awaited_refusal(client.infer("other", [tensor(ROWS)]))
        check_refusal(error, 404, "serves breast-cancer m1 only")


def check_refusal(error: Exception | None, status: int, text: str) -> None:
    """That the client knows the status, and the text itself: not an object that holds it, nor its own trouble."""
    if isinstance(error, InferenceServerException):
        found, message = int(error.status()), error.message()
    else:
        assert isinstance(error, httpx.HTTPStatusError), (text, error)
        found, message = error.response.status_code, str(error)
    assert found == status, (text, error)
    assert isinstance(message, str), (text, message)
    assert text in message, (text, message)
    assert "{" not in message, message


def refusal(ask: Callable[[], Any]) -> Exception | None:
    try:
        ask()
    except (InferenceServerException, httpx.HTTPStatusError) as error:
        return error
    return None


async def awaited_refusal(asked: Awaitable[Any]) -> Exception | None:
    try:
        await asked
    except (InferenceServerException, httpx.HTTPStatusError) as error:
        return error
    return None


def triton_errors() -> None:
    one = ROWS[:1]
    nan = one.copy()
    nan[0, 3] = np.nan
    other = [triton.InferRequestedOutput("x")]
    key = {"X-Api-Key": "secret"}
    stray = tensor(one)
    stray._parameters["binary_data_size"] = 7
    service, guarded, failed = (triton.InferenceServerClient(url(name)) for name in ("service", "guarded", "failed"))
    cases: list[tuple[int, str, Callable[[], Any]]] = [
        (404, "serves breast-cancer m1 only", lambda: service.get_model_metadata("other")),
        (404, "serves breast-cancer m1 only", lambda: service.get_model_metadata(MODEL, "m9")),
        (404, "serves breast-cancer m1 only", lambda: service.infer("other", [tensor(one)])),
        (404, "serves breast-cancer m1 only", lambda: service.infer(MODEL, [tensor(one)], "m9")),
        (404, "There is nothing at", lambda: service.get_model_config(MODEL)),
        (404, "There is nothing at", lambda: service.get_model_repository_index()),
        (422, "Expected shape [rows, 30]", lambda: service.infer(MODEL, [tensor(one[:, 1:])])),
        (422, "Expected shape [rows, 30]", lambda: service.infer(MODEL, [tensor(one[:0])])),
        (422, "Expected shape [rows, 30]", lambda: service.infer(MODEL, [tensor(one[:0], binary=False)])),
        (422, "FP32 or FP64", lambda: service.infer(MODEL, [tensor(one, "INT64")])),
        (422, "is named 'features'", lambda: service.infer(MODEL, [tensor(one, name="x")])),
        (422, "no output 'x'", lambda: service.infer(MODEL, [tensor(one)], outputs=other)),
        (422, "feature 'mean area'", lambda: service.infer(MODEL, [tensor(nan)])),
        (422, "feature 'mean radius'", lambda: service.infer(MODEL, [tensor(one * 1e300, "FP64")])),
        (422, "the limit is 100", lambda: service.infer(MODEL, [tensor(np.repeat(one, 101, 0))])),
        (422, "binary data", lambda: service.infer(MODEL, [triton.InferInput("features", [1, 30], "FP32")])),
        (400, "takes 120 bytes; binary_data_size is 7", lambda: service.infer(MODEL, [stray])),
        (415, "'br'", lambda: service.infer(MODEL, [tensor(one)], headers={"Content-Encoding": "br"})),
        (400, "is not gzip", lambda: service.infer(MODEL, [tensor(one)], headers={"Content-Encoding": "gzip"})),
        (401, "is missing", lambda: guarded.infer(MODEL, [tensor(one)])),
        (413, "over the limit", lambda: guarded.infer(MODEL, [tensor(ROWS.repeat(9, 0))], headers=dict(key))),
        (413, "over the limit", lambda: guarded.infer(
            MODEL, [tensor(np.zeros((100, 30)))], headers=dict(key), request_compression_algorithm="gzip"
        )),
        (503, "The service is failed", lambda: failed.infer(MODEL, [tensor(one)])),
        (503, "The service is failed", lambda: failed.get_model_metadata(MODEL)),
    ]  # fmt: skip
    for status, text, ask in cases:
        check_refusal(refusal(ask), status, text)
    assert not failed.is_server_ready()
    assert not failed.is_model_ready(MODEL)


async def kserve() -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://{url('service')}"
    assert await client.is_server_live(base)
    assert await client.is_server_ready(base)
    assert await client.is_model_ready(base, MODEL)
    for binary in (True, False):
        for parameters, wanted in (
            (None, None),
            ({"binary_data_output": True, "colour": "red"}, None),
            (None, [KserveOutput("label", {"binary_data": True}), KserveOutput("probability")]),
        ):
            for dtype, datatype in ((np.float32, "FP32"), (np.float64, "FP64")):
                made = KserveInput("features", list(ROWS.shape), datatype)
                made.set_data_from_numpy(ROWS.astype(dtype), binary_data=binary)
                request = KserveRequest(MODEL, [made], parameters=parameters, request_outputs=wanted)
                answer = await client.infer(base, request, MODEL)
                found = {output.name: output.as_numpy() for output in answer.outputs}
                check(found["label"], found["probability"], (binary, parameters, datatype))
    for model, rows, status, text in (
        ("other", ROWS, 404, "serves breast-cancer m1 only"),
        (MODEL, ROWS[:, 1:], 422, "Expected shape [rows, 30]"),
        (MODEL, ROWS[:0], 422, "Expected shape [rows, 30]"),
    ):
        made = KserveInput("features", list(rows.shape), "FP32")
        made.set_data_from_numpy(rows.astype(np.float32))
        error = await awaited_refusal(client.infer(base, KserveRequest(model, [made]), model))
        check_refusal(error, status, text)
    await client.close()


triton_sync()
asyncio.run(triton_async())
triton_errors()
asyncio.run(kserve())
