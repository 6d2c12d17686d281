"""The process as the host runs it: start, serve under load, SIGTERM, wrong settings, the image's health check."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference_service import healthcheck

from .process import TIMEOUT_S, Process, free_port


@pytest.fixture
def process(model_path: Path, tmp_path: Path) -> Iterator[Process]:
    running = Process(model_path, tmp_path / "log", DRAIN_DELAY_S="2")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.popen.terminate()
        running.popen.wait(TIMEOUT_S)


def test_load_and_sigterm_lose_no_request(process: Process, golden: list[dict[str, Any]]) -> None:
    """Sixteen clients; in the middle the process is told to stop: all that was sent is answered, then it exits 0."""
    failures: list[str] = []
    counts = [0] * 16
    stop = threading.Event()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=5)
        while not stop.is_set():
            request = golden[(number + counts[number]) % len(golden)]
            try:
                connection.request("POST", "/predict", json.dumps(request["body"]))
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                return
            labels = [one["label"] for one in answer.get("predictions", [])]
            if labels != [one["label"] for one in request["expect"]["predictions"]]:
                failures.append(f"{response.status} {answer}")
            counts[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + TIMEOUT_S
    while min(counts) <= 5 and not failures and time.monotonic() < deadline:
        time.sleep(0.05)
    process.popen.send_signal(signal.SIGTERM)
    process.wait_for("draining")
    # What the edge sees meanwhile: not ready, but still serving new connections.
    assert process.request("GET", "/ready")[0] == 503
    stop.set()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert process.popen.wait(TIMEOUT_S) == 0
    assert failures == []
    assert min(counts) > 5
    messages = process.messages()
    assert [message for message in messages if message != "request"] == ["starting", "ready", "draining", "stopped"]
    assert messages.count("request") >= sum(counts)


def test_second_signal_skips_the_delay(model_path: Path, tmp_path: Path) -> None:
    process = Process(model_path, tmp_path / "log", DRAIN_DELAY_S="60")
    process.wait_until_ready()
    process.popen.send_signal(signal.SIGTERM)
    process.wait_for("draining")
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(TIMEOUT_S) == 0


def test_memory_stays_small(process: Process, row: list[float]) -> None:
    for _ in range(50):
        assert process.request("POST", "/predict", {"instances": [row] * 100})[0] == 200
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    # Coverage's tracer adds some; the image is measured by the benchmark.
    assert resident_kb < 120_000


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PORT": "x"}, "PORT must be a whole number, not 'x'"),
        ({"MODEL_PATH": "/nowhere"}, "MODEL_PATH: there is no folder '/nowhere'"),
    ],
)
def test_wrong_settings_end_it_with_a_clear_line(
    model_path: Path, tmp_path: Path, environment: dict[str, str], reason: str
) -> None:
    process = Process(model_path, tmp_path / "log", **environment)
    assert process.popen.wait(TIMEOUT_S) == 2
    assert reason in process.log.read_text()


def test_port_in_use_ends_it_with_a_failure(process: Process, model_path: Path, tmp_path: Path) -> None:
    second = Process(model_path, tmp_path / "second", PORT=str(process.port))
    assert second.popen.wait(TIMEOUT_S) not in (0, 2)


def test_wrong_model_keeps_it_alive_but_not_ready(model_path: Path, tmp_path: Path) -> None:
    process = Process(model_path, tmp_path / "log", MODEL_SHA256="0" * 64)
    process.wait_for("not ready")
    # The model may be refused before the socket listens.
    process.wait_until_ready("/health")
    assert process.request("GET", "/ready")[0] == 503
    process.popen.terminate()
    process.popen.wait(TIMEOUT_S)


def test_spans_are_sent_when_a_collector_is_named(model_path: Path, tmp_path: Path, row: list[float]) -> None:
    process = Process(model_path, tmp_path / "log", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", DRAIN_DELAY_S="0")
    process.wait_until_ready()
    assert process.request("POST", "/predict", {"instances": [row]})[0] == 200
    process.popen.terminate()
    assert process.popen.wait(TIMEOUT_S) == 0


def test_health_check_tells_alive_from_dead(
    process: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", str(process.port))
    assert healthcheck.main() == 0
    monkeypatch.setenv("PORT", str(free_port()))
    assert healthcheck.main() == 1
    assert "does not answer" in capsys.readouterr().err
