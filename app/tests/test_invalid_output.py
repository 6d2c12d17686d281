"""A model that gives NaN, infinity, or a probability outside 0 to 1: an error that names the row, never an answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from inference_service.model import ModelError, load

from .conftest import Client, Running, problem

FINE = [3.0, 1.0, 4.0]
# The model's probabilities are the first two numbers of a row, over the third.
BAD = {
    "NaN": [0.0, 0.0, 0.0],
    "NaN and a number": [0.0, 1.0, 0.0],
    "infinity": [1.0, 0.0, 0.0],
    "infinities": [1.0, 1.0, 0.0],
    "minus infinity": [-1.0, 1.0, 0.0],
    "over 1": [3.0, -1.0, 2.0],
    "below 0": [-1.0, 2.0, 2.5],
    "below 0 alone": [-1.0, -1.0, 2.0],
    "a little over 1": [1.001, 0.0, 1.0],
}
FIXED = {"name": "fine", "body": {"instances": [FINE]}, "tolerance": 0.01}
EXPECT = {"predictions": [{"label": "a", "probability": 0.75}]}


def write(folder: Path, golden: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    rows = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    ends = helper.make_tensor("sizes", TensorProto.INT64, [2], [2, 1])
    split = helper.make_node("Split", ["features", "sizes"], ["numbers", "sum"], axis=1)
    nodes = [split, helper.make_node("Div", ["numbers", "sum"], ["probabilities"])]
    graph = helper.make_graph(nodes, "ratio", [rows], [out], [ends])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content = model.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    manifest = {
        "name": "ratio", "version": "m1", "sha256": hashlib.sha256(content).hexdigest(), "features": ["x", "y", "z"],
        "classes": ["a", "b"], "golden": golden, "distribution": [{"edges": [0.0], "shares": [0.5, 0.5]}] * 3,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def ratio(tmp_path: Path) -> Path:
    return write(tmp_path / "ratio", [{**FIXED, "expect": EXPECT}])


ROUTES = ("/predict", "/invocations", "/v2/models/ratio/infer")


async def ask(client: Client, path: str, rows: list[list[float]]) -> Any:
    body: dict[str, Any] = {"instances": rows}
    if path.startswith("/v2"):
        data = [value for row in rows for value in row]
        body = {"inputs": [{"name": "features", "shape": [len(rows), 3], "datatype": "FP32", "data": data}]}
    return await client.post(path, json=body)


@pytest.mark.parametrize(
    "settings",
    [{}, {"cache_entries": 10, "drift": True}, {"inline_run_ms": 0.0}],
    ids=["plain", "cached", "in a thread"],
)
async def test_a_row_without_probabilities_is_an_error_that_names_it(
    running: Running, ratio: Path, settings: dict[str, Any]
) -> None:
    async with running(model_path=str(ratio), **settings) as client:
        asked = 0
        for path in ROUTES:
            assert (await ask(client, path, [FINE])).status_code == 200
            for what, row in BAD.items():
                for rows, at in (([row], 0), ([FINE, FINE, row, FINE], 2), ([row] * 3, 0)):
                    # The second time it could come from a cache.
                    for _ in "12":
                        answer = await ask(client, path, rows)
                        asked += 1
                        assert answer.status_code == 500, (path, what, answer.text)
                        error = problem(answer)
                        assert error["code"] == "invalid_output"
                        assert f"for row {at} (the first is row 0)" in error["message"]
        logged = [line for line in client.lines() if line["message"] == "request failed"]
        requests = client.app.service.metrics.requests
        assert sum(count for (_, _, status), count in requests.items() if status == 500) == asked
        assert len(logged) == asked
        assert "NaN" in logged[0]["reason"]
        csv = {"content-type": "text/csv", "accept": "text/csv"}
        assert (await client.post("/invocations", content=b"0,0,0", headers=csv)).status_code == 500
        assert (await client.get("/ready")).status_code == 200


async def test_only_the_request_with_the_row_fails_of_those_that_run_together(running: Running, ratio: Path) -> None:
    async with running(model_path=str(ratio)) as client:
        asked = [ask(client, "/predict", rows) for rows in ([FINE], [BAD["NaN"]], [FINE, FINE], [FINE, BAD["over 1"]])]
        answers = await asyncio.gather(*asked)
        assert client.app.service.metrics.batch_rows.counts[0] == 0, "they did not run together"
    assert [answer.status_code for answer in answers] == [200, 500, 200, 500]
    assert "row 1" in answers[3].json()["error"]["message"]


async def test_what_only_rounding_makes_larger_than_1_is_1(running: Running, ratio: Path) -> None:
    async with running(model_path=str(ratio)) as client:
        for path in ROUTES:
            answer = await ask(client, path, [[1.000001, 0.0, 1.0], FINE])
            assert answer.status_code == 200, answer.text
            assert "1.0" in answer.text
            assert "1.000001" not in answer.text


def test_golden_request_without_probabilities_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "bad", [{**FIXED, "body": {"instances": [FINE, BAD["NaN"]]}, "expect": EXPECT}])
    with pytest.raises(ModelError, match=r"gives NaN, infinity or .* for row 1 of its golden request 'fine'"):
        load(folder).warm_up(10)
