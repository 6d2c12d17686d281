"""The routes as clients see them: answers, refusals in one shape, headers, log lines, metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .conftest import Running, problem
from .tensors import MODEL, tensor


def close(value: Any, expected: Any, tolerance: float) -> bool:
    """As the rollout's gate compares."""
    if isinstance(expected, dict):
        return all(close(value[key], wanted, tolerance) for key, wanted in expected.items())
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(close, value, expected, [tolerance] * len(expected)))
    if isinstance(expected, float):
        return bool(abs(value - expected) <= tolerance)
    return bool(value == expected)


async def test_golden_requests_get_their_answers(running: Running, golden: list[dict[str, Any]]) -> None:
    async with running() as client:
        for request in golden:
            answer = await client.request(request["method"], request["path"], json=request["body"])
            assert answer.status_code == request["status"]
            assert close(answer.json(), request["expect"], request["tolerance"])


async def test_three_conventions_give_one_answer(running: Running, row: list[float]) -> None:
    async with running() as client:
        features = client.app.service.model.manifest.features  # type: ignore[union-attr]
        by_position = (await client.post("/predict", json={"instances": [row]})).json()
        by_name = (await client.post("/predict", json={"instances": [dict(zip(features, row, strict=True))]})).json()
        invoked = (await client.post("/invocations", json={"instances": [row]})).json()
        inferred = (await client.post(f"{MODEL}/infer", json={**tensor(row), "id": "7"})).json()
        nested = (await client.post(f"{MODEL}/versions/m1/infer", json=tensor([row]))).json()  # type: ignore[list-item]
    assert by_position == by_name == invoked
    outputs = {output["name"]: output["data"] for output in inferred["outputs"]}
    assert [{"label": outputs["label"][0], "probability": outputs["probability"][0]}] == by_position["predictions"]
    assert (inferred["id"], inferred["model_name"], inferred["model_version"]) == ("7", "breast-cancer", "m1")
    assert nested["outputs"] == inferred["outputs"]


async def test_batch_of_the_limit_is_answered_and_one_more_refused_naming_it(
    running: Running, row: list[float]
) -> None:
    async with running() as client:
        answer = await client.post("/predict", json={"instances": [row] * 100})
        assert len(answer.json()["predictions"]) == 100
        for path, body in (
            ("/predict", {"instances": [row] * 101}),
            (f"{MODEL}/infer", tensor(row * 101, shape=[101, 30])),
        ):
            refused = await client.post(path, json=body)
            assert refused.status_code == 422
            assert "the limit is 100" in problem(refused)["message"]


async def test_concurrent_requests_get_their_own_rows(running: Running, golden: list[dict[str, Any]]) -> None:
    bodies = [request["body"] for request in golden] * 20
    async with running() as client:
        answers = await asyncio.gather(*[client.post("/predict", json=body) for body in bodies])
        labels = [[one["label"] for one in answer.json()["predictions"]] for answer in answers]
        assert max(client.app.service.metrics.batch_rows.counts[2:]) > 0, "nothing was coalesced"
    assert labels == [[one["label"] for one in request["expect"]["predictions"]] for request in golden] * 20


async def test_body_in_pieces_is_read(running: Running, row: list[float]) -> None:
    body = json.dumps({"instances": [row]}).encode()

    async def halves() -> AsyncIterator[bytes]:
        yield body[:100]
        yield body[100:]

    async with running() as client:
        assert (await client.post("/predict", content=halves())).status_code == 200


async def test_client_that_leaves_is_logged_as_such(running: Running) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    async with running() as client:
        await client.app({"type": "http", "path": "/predict", "method": "POST", "headers": []}, receive, send)
        assert client.lines()[-1]["status"] == 499
        assert client.app.service.metrics.in_flight == 0


async def test_a_connection_that_breaks_costs_the_others_of_its_batch_nothing(
    running: Running, row: list[float]
) -> None:
    body = json.dumps({"instances": [row]}).encode()
    scope = {"type": "http", "path": "/predict", "method": "POST", "headers": []}

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def broken(message: Any) -> None:
        raise OSError("broken")

    async with running() as client:
        asked = client.app(scope, receive, broken), client.post("/predict", content=body)
        failed, answer = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(failed, OSError)
        assert getattr(answer, "status_code", answer) == 200
        assert client.app.service.metrics.batch_rows.counts[0] == 0, "they did not run together"
        assert client.app.service.metrics.in_flight == 0


async def test_log_line_has_ids_and_no_values(running: Running, row: list[float]) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"x-request-id": "edge-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    async with running() as client:
        answer = await client.post("/predict", json={"instances": [row, row]}, headers=headers)
        unsafe = await client.post("/predict", json={"instances": [row]}, headers={"x-request-id": 'a"b'})
        await client.get("/health")
        lines = [line for line in client.lines() if line["message"] == "request"]
    assert answer.headers["x-request-id"] == "edge-1"
    assert '"' not in unsafe.headers["x-request-id"]
    assert len(lines) == 2, "probes are not logged"
    assert lines[0]["request_id"] == "edge-1"
    assert lines[0]["trace_id"] == trace
    assert (lines[0]["rows"], lines[0]["status"], lines[0]["model_version"]) == (2, 200, "m1")
    assert str(row[0]) not in json.dumps(lines)


async def test_metrics_have_the_fields_names(running: Running, row: list[float]) -> None:
    async with running(cache_entries=10, drift=True) as client:
        for _ in range(3):
            assert (await client.post("/predict", json={"instances": [row]})).status_code == 200
        await client.get("/nothing")
        text = (await client.get("/metrics")).text
    for line in (
        'http_requests_total{method="POST",route="/predict",status="200"} 3',
        'http_requests_total{method="GET",route="unknown",status="404"} 1',
        'http_request_duration_seconds_count{route="/predict"} 3',
        "http_requests_in_flight 1",
        "inference_duration_seconds_count 1",
        "inference_batch_rows_sum 1",
        "inference_queue_depth 0",
        'model_info{name="breast-cancer",version="m1"',
        'release_info{version="v1.2.3"',
        "response_cache_hits_total 2",
        "response_cache_misses_total 1",
        "feature_drift_rows_total 3",
        'feature_drift_psi{feature="mean radius"}',
        "process_resident_memory_bytes",
    ):
        assert line in text, line


async def test_model_that_is_slow_runs_in_a_thread(running: Running, row: list[float]) -> None:
    async with running(inline_run_ms=0.0) as client:
        assert (await client.post("/predict", json={"instances": [row]})).status_code == 200
        assert client.lines()[0]["runs"] == "in a thread"


async def test_failure_inside_is_a_500_without_details(
    running: Running, row: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as client:

        def broken(*_: Any) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(client.app.service.batcher, "submit", broken)
        answer = await client.post("/predict", json={"instances": [row]})
        monkeypatch.setattr(client.app.service.metrics, "render", broken)
        other = await client.get("/metrics")
        assert [line["reason"] for line in client.lines() if line["level"] == "error"] == [
            "RuntimeError: secret detail"
        ]
    for failed in (answer, other):
        assert failed.status_code == 500
        assert failed.json()["error"]["message"] == "The service failed"


async def test_without_a_model_it_is_alive_and_says_why_it_is_not_ready(running: Running, row: list[float]) -> None:
    async with running(model_version="m9") as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/version")).json()["model"] is None
        for method, path in (
            ("GET", "/ready"), ("GET", "/ping"), ("POST", "/predict"), ("POST", "/invocations"), ("GET", MODEL),
            ("POST", f"{MODEL}/infer"), ("GET", "/v2/health/ready"),
        ):  # fmt: skip
            answer = await client.request(method, path, content=b"{}")
            assert answer.status_code == 503
            assert "MODEL_VERSION asks for m9" in problem(answer)["message"]
            assert (problem(answer)["code"], "retry-after" in answer.headers) == ("failed", False)
        assert "model_info" not in (await client.get("/metrics")).text
        assert (await client.get("/openapi.json")).status_code == 200


async def test_draining_is_not_ready_but_serves_and_closes_connections(running: Running, row: list[float]) -> None:
    async with running() as client:
        client.app.service.drain()
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert answer.headers["retry-after"] == "1"
        answer = await client.post("/predict", json={"instances": [row]})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


async def test_metadata_of_the_open_inference_protocol(running: Running) -> None:
    async with running() as client:
        model = (await client.get(MODEL)).json()
        assert model["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, 30]}]
        assert (await client.get(f"{MODEL}/versions/m1")).json() == model
        assert (await client.get(f"{MODEL}/ready")).json() == {"name": "breast-cancer", "ready": True}
        server = (await client.get("/v2")).json()
        assert (server["version"], server["extensions"]) == ("v1.2.3", ["binary_tensor_data"])
        assert (await client.get("/v2/health/live")).json() == {"live": True}
        assert (await client.get("/v2/models/other")).status_code == 404


async def test_document_describes_every_route_and_the_page_shows_them(running: Running) -> None:
    async with running() as client:
        document = (await client.get("/openapi.json")).json()
        page = (await client.get("/docs")).text
    assert {"/predict", "/invocations", f"{MODEL}/infer", "/ready", "/version", "/ping"} <= document["paths"].keys()
    assert "POST /predict" in page


async def test_only_some_outputs_when_only_some_are_asked_for(running: Running, row: list[float]) -> None:
    async with running() as client:
        body = {**tensor(row), "outputs": [{"name": "label"}]}
        outputs = (await client.post(f"{MODEL}/infer", json=body)).json()["outputs"]
    assert [output["name"] for output in outputs] == ["label"]
